-- table.sort with a comparator: C calls Lua for every comparison.
local seed = 42
local function random()
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return seed
end

local sum = 0
for round = 1, 4 do
  local items = {}
  for i = 1, 40000 do items[i] = { key = random(), name = i } end
  table.sort(items, function(a, b) return a.key < b.key end)
  table.sort(items, function(a, b)
    if a.key % 97 ~= b.key % 97 then return a.key % 97 < b.key % 97 end
    return a.name > b.name
  end)
  for i = 1, #items, 1000 do sum = (sum * 31 + items[i].name) & 0xffffffff end
end
print(sum)
