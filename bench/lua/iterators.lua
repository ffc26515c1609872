-- pairs, ipairs, next and select: for loops that call C functions.
local list, map = {}, {}
for i = 1, 1000 do
  list[i] = i
  map["key" .. i] = i
end

local function count(...)
  local n = 0
  for i = 1, select("#", ...) do n = n + (select(i, ...)) end
  return n
end

local sum = 0
for round = 1, 3000 do
  for _, v in ipairs(list) do sum = sum + v end
  for _, v in pairs(map) do sum = sum + v end
  local key, value = next(map)
  while key do
    sum = sum + value
    key, value = next(map, key)
  end
  for i = 1, 300 do sum = sum + count(1, 2, 3, table.unpack(list, 1, 5)) end
end
print(sum)
