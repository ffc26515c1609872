-- Iterators whose kind changes half way: C function, closure, callable table,
-- coroutine. The interpreter's one call site sees all of them.
local function closure(t, i)
  i = i + 1
  if t[i] then return i, t[i] end
end
local callable = setmetatable({}, { __call = function(_, t, i) return closure(t, i) end })
local data = {}
for i = 1, 300 do data[i] = (i * 37) % 101 end

local sum = 0
for round = 1, 200 do
  local step = ipairs(data)
  if round > 50 then step = closure end
  if round > 100 then step = callable end
  if round > 150 then
    step = coroutine.wrap(function() for i, v in ipairs(data) do coroutine.yield(i, v) end end)
  end
  for i, v in step, data, 0 do sum = (sum * 3 + i * v) % 1000000007 end
end
print("kinds by round", sum)

-- The kind changes inside one loop: the iterator delegates to another.
local delegates = { next, closure, callable }
local function switching(t, i)
  i = i + 1
  if i > #t then return nil end
  local kind = delegates[i % 3 + 1]
  local k, v = kind(t, i - 1 == 0 and (kind == next and nil or 0) or i - 1)
  return k, v
end
local out = {}
for i, v in switching, { 10, 20, 30, 40, 50, 60, 70 }, 0 do out[#out + 1] = i .. "=" .. v end
print(table.concat(out, " "))

-- A global function is replaced while it is in use.
function current(x) return x + 1 end
local x = 0
for i = 1, 9000 do
  if i == 3000 then current = function(y) return y * 3 % 65537 end end
  if i == 6000 then current = math.abs end
  if i == 7500 then current = setmetatable({}, { __call = function(_, y) return y - 1 end }) end
  x = current(x)
end
print("replaced", x)

-- Functions of the C library and of Lua through one table.
local ops = { math.floor, math.abs, function(v) return v + 0.5 end, tostring, tonumber, function(v) return v * 2 end }
local v = 1
for i = 1, 3000 do
  v = ops[i % #ops + 1](v)
  if type(v) == "number" and v > 1e6 then v = v % 1000 end
end
print("library", v)

-- Multiple results, state and the closing value.
local function range(n)
  local closed = setmetatable({}, { __close = function() print("iterator closed", n) end })
  return function(_, i) if i < n then return i + 1, i * i end end, nil, 0, closed
end
for i, sq in range(4) do io.write(i, ":", sq, " ") end
for i in range(9) do if i == 2 then break end end
local keys = {}
for k in pairs { a = 1, b = 2, c = 3, 4, 5 } do keys[#keys + 1] = tostring(k) end
table.sort(keys)
print(table.concat(keys, " "))
for line in ("one\ntwo\nthree"):gmatch("[^\n]+") do io.write("<", line, ">") end
print()
