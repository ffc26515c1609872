-- Closures, upvalues, varargs, tail calls, goto and integer/float arithmetic.
local function counter(step)
  local n = 0
  return function() n = n + step return n end, function() n = 0 end
end
local up, reset = counter(3)
for _ = 1, 4 do io.write(up(), " ") end
reset()
print(up())

local fs = {}
for i = 1, 5 do fs[i] = function(x) i = i + x return i end end
for i = 1, 5 do io.write(fs[i](i), ":", fs[i](1), " ") end
print()

local function compose(...)
  local list = { ... }
  return function(...)
    local r = table.pack(...)
    for i = #list, 1, -1 do r = table.pack(list[i](table.unpack(r, 1, r.n))) end
    return table.unpack(r, 1, r.n)
  end
end
print(compose(function(a, b) return a + b end, function(a, b) return a * 2, b * 3 end)(5, 7))
print(select("#", compose(function(...) return ... end)(nil, nil, 3)))

local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + n) end
print("tail", loop(100000, 0))

local Y = function(f) return (function(x) return x(x) end)(function(x) return f(function(n) return x(x)(n) end) end) end
print("Y", Y(function(self) return function(n) return n == 0 and 1 or n * self(n - 1) end end)(15))

local memo = setmetatable({}, { __index = function(t, n)
  local v = n < 2 and n or t[n - 1] + t[n - 2]
  t[n] = v
  return v
end })
print("memo", memo[80])

for i = 1, 3 do
  for j = 1, 3 do
    if j == 2 then goto next_row end
    io.write(i, j, " ")
  end
  ::next_row::
end
print()

print(7 // 2, -7 // 2, 7 % -3, -7 % 3, 7.5 // 2, 2 ^ 10, 1 / 0, -1 / 0, 3 | 4, 5 ~ 1, ~0, 1 << 63, 1 << 64)
print(math.maxinteger + 1 == math.mininteger, math.type(1), math.type(1.0), math.type("1"), 10 // 0.0, 0x7fffffffffffffff)
print(math.tointeger(3.0), math.ult(1, -1), math.fmod(-6, 4), math.floor(-3.5), math.ceil(-3.5), math.abs(-4))
print(("%.10f %.10f %.10f %.10f"):format(math.sin(1), math.exp(1), math.log(10), math.sqrt(2)))
print(pcall(function() return 1 // 0 end))

-- Mandelbrot: float arithmetic in nested loops.
local inside = 0
for y = 0, 59 do
  for x = 0, 59 do
    local cr, ci, zr, zi, n = x / 30 - 1.5, y / 30 - 1, 0.0, 0.0, 0
    while zr * zr + zi * zi < 4 and n < 50 do zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1 end
    if n == 50 then inside = inside + 1 end
  end
end
print("mandelbrot", inside)
print(load("local a <const> = 20; return a + ...")(22), load("return +"))
print(#string.dump(function(a) return a end, true) > 0, load(string.dump(function(a) return a * 2 end))(21))
