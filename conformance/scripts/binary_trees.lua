-- Allocation and the garbage collector, in both of its modes.
local function bottom_up(depth)
  if depth == 0 then return {} end
  return { bottom_up(depth - 1), bottom_up(depth - 1) }
end

local function count(tree)
  if tree[1] then return 1 + count(tree[1]) + count(tree[2]) end
  return 1
end

for _, mode in ipairs { "incremental", "generational" } do
  collectgarbage(mode)
  local kept = bottom_up(11)
  for depth = 4, 11 do
    local rounds, sum = 1 << (11 - depth), 0
    for _ = 1, rounds do sum = sum + count(bottom_up(depth)) end
    print(mode, depth, rounds, sum)
  end
  print(mode, "kept", count(kept))
end

-- Finalizers run in the reverse order of their marking.
local order = {}
for i = 1, 5 do
  setmetatable({}, { __gc = function() order[#order + 1] = i end })
end
collectgarbage()
collectgarbage()
print("finalized", table.concat(order, " "))

-- Weak keys: an entry goes with its key.
local weak = setmetatable({}, { __mode = "k" })
local alive = {}
weak[alive], weak[{}] = "stays", "goes"
collectgarbage()
local left = 0
for _ in pairs(weak) do left = left + 1 end
print("weak", left, weak[alive])
