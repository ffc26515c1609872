-- Coroutines: generators, a pipeline of three, and pcall with errors.
local function numbers(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end)
end
local function squares(source)
  return coroutine.wrap(function() for v in source do coroutine.yield(v * v) end end)
end
local function even(source)
  return coroutine.wrap(function() for v in source do if v % 2 == 0 then coroutine.yield(v) end end end)
end

local sum = 0
for round = 1, 12 do
  for v in even(squares(numbers(100000))) do sum = (sum + v) & 0xffffffff end
end
local failed = 0
for i = 1, 800000 do
  local ok = pcall(function() if i % 3 == 0 then error("third", 0) end end)
  if not ok then failed = failed + 1 end
end
for i = 1, 200000 do
  local co = coroutine.create(function(a) return a + coroutine.yield(a) end)
  local _, a = coroutine.resume(co, i)
  local _, b = coroutine.resume(co, a)
  sum = (sum + b) & 0xffffffff
end
print(sum, failed)
