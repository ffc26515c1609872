-- Closures made and called: map, filter and fold over lists, and counters with upvalues.
local function map(list, f)
  local out = {}
  for i = 1, #list do out[i] = f(list[i]) end
  return out
end
local function filter(list, f)
  local out = {}
  for i = 1, #list do if f(list[i]) then out[#out + 1] = list[i] end end
  return out
end
local function fold(list, f, value)
  for i = 1, #list do value = f(value, list[i]) end
  return value
end
local function counter(step)
  local n = 0
  return function() n = n + step; return n end
end

local list, sum = {}, 0
for i = 1, 1000 do list[i] = i end
for round = 1, 7000 do
  local tick = counter(round)
  local squares = map(list, function(v) return v * v + tick() end)
  local odd = filter(squares, function(v) return v % 2 == 1 end)
  sum = (sum + fold(odd, function(a, b) return (a + b) & 0xffffff end, round)) & 0xffffffff
end
print(sum)
