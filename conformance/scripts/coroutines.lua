-- Coroutines: setjmp/longjmp, yields across pcall, metamethods and iterators.
local function generate(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end)
end
local sum = 0
for i, sq in generate(5000) do sum = sum + sq - i end
print("generator", sum)

-- A sieve: each prime adds a coroutine to the chain.
local function filter(p, source)
  return coroutine.wrap(function()
    for n in source do if n % p ~= 0 then coroutine.yield(n) end end
  end)
end
local source = coroutine.wrap(function() for n = 2, 300 do coroutine.yield(n) end end)
local primes = {}
for _ = 1, 40 do
  local p = source()
  primes[#primes + 1] = p
  source = filter(p, source)
end
print(table.concat(primes, " "))

-- Yields inside pcall, a metamethod, an iterator and a sort comparator.
local co = coroutine.create(function(...)
  print("start", ...)
  print("pcall", pcall(function()
    local got = coroutine.yield("in pcall")
    error("after " .. got, 0)
  end))
  local t = setmetatable({}, {
    __index = function(_, k) return coroutine.yield("index " .. k) end,
    __add = function(_, b) return coroutine.yield("add " .. b) end,
  })
  print("index", t.key)
  print("add", t + 3)
  for v in function() return coroutine.yield("iterator") end do print("iterator", v) end
  print("sort", pcall(table.sort, { 2, 1, 3 }, function() coroutine.yield() end))
  local closing <close> = setmetatable({}, { __close = function() print("closed") end })
  coroutine.yield("last")
end)
print(coroutine.resume(co, 1, 2))
for _, v in ipairs { "first", "second", "third", "fourth" } do print(coroutine.resume(co, v)) end
print(coroutine.resume(co, nil))
print(coroutine.status(co), coroutine.close(co), coroutine.status(co))

print(coroutine.resume(coroutine.create(function() error({ code = 7 }) end)) == false)
print(coroutine.resume(coroutine.create(function() local x = nil; return x.y end)))
print(pcall(coroutine.wrap(function() error("wrapped", 0) end)))
print(coroutine.isyieldable(), select(2, coroutine.running()))

-- Round robin of producers.
local queue = {}
for id = 1, 4 do
  queue[id] = coroutine.create(function() for i = 1, id do coroutine.yield(id * 10 + i) end return "done " .. id end)
end
while #queue > 0 do
  local task = table.remove(queue, 1)
  local _, value = coroutine.resume(task)
  io.write(tostring(value), " ")
  if coroutine.status(task) ~= "dead" then queue[#queue + 1] = task end
end
print()
