-- Metatables: every metamethod, inheritance, and method calls of several kinds.
local Animal = {}
Animal.__index = Animal
function Animal.new(name) return setmetatable({ name = name }, Animal) end
function Animal:speak() return self.name .. " makes a sound" end
local Dog = setmetatable({}, { __index = Animal })
Dog.__index = Dog
function Dog.new(name) return setmetatable(Animal.new(name), Dog) end
function Dog:speak() return Animal.speak(self) .. ": woof" end
local Robot = setmetatable({}, { __index = function(_, k) return function(self) return k .. " by " .. self.name end end })
local robot = setmetatable({ name = "r2" }, { __index = Robot })
for _, a in ipairs { Animal.new("cat"), Dog.new("rex"), robot } do print(a:speak()) end

-- One call site, the receiver's class changes at each step.
local classes = {}
for i = 1, 6 do
  local class = {}
  class.__index = class
  function class:step(x) return (x * (i + 2) + self.k) % 1000003 end
  classes[i] = class
end
local objects = {}
for i = 1, 60 do objects[i] = setmetatable({ k = i }, classes[i % 6 + 1]) end
local x = 1
for _ = 1, 1500 do for i = 1, #objects do x = objects[i]:step(x) end end
print("dispatch", x)

local V = {}
V.__index = V
local function vec(a, b) return setmetatable({ a, b }, V) end
function V.__add(p, q) return vec(p[1] + q[1], p[2] + q[2]) end
function V.__sub(p, q) return vec(p[1] - q[1], p[2] - q[2]) end
function V.__mul(p, q) return type(q) == "number" and vec(p[1] * q, p[2] * q) or p[1] * q[1] + p[2] * q[2] end
function V.__div(p, q) return vec(p[1] / q, p[2] / q) end
function V.__idiv(p, q) return vec(p[1] // q, p[2] // q) end
function V.__mod(p, q) return vec(p[1] % q, p[2] % q) end
function V.__pow(p, q) return vec(p[1] ^ q, p[2] ^ q) end
function V.__unm(p) return vec(-p[1], -p[2]) end
function V.__band(p, q) return vec(p[1] & q, p[2] & q) end
function V.__bor(p, q) return vec(p[1] | q, p[2] | q) end
function V.__bxor(p, q) return vec(p[1] ~ q, p[2] ~ q) end
function V.__shl(p, q) return vec(p[1] << q, p[2] << q) end
function V.__shr(p, q) return vec(p[1] >> q, p[2] >> q) end
function V.__bnot(p) return vec(~p[1], ~p[2]) end
function V.__concat(p, q) return tostring(p) .. "~" .. tostring(q) end
function V.__len(p) return 2 end
function V.__eq(p, q) return p[1] == q[1] and p[2] == q[2] end
function V.__lt(p, q) return p[1] < q[1] end
function V.__le(p, q) return p[1] <= q[1] end
function V.__call(p, ...) return p[1], ... end
function V.__tostring(p) return "(" .. p[1] .. "," .. p[2] .. ")" end
local p, q = vec(6, 9), vec(2, 5)
print(p + q, p - q, p * q, p * 2, p / 2, p // 4, p % 4, p ^ 2, -p)
print(p & 3, p | 1, p ~ 5, p << 2, p >> 1, ~p, p .. q, p .. "s", #p)
print(p == q, p == vec(6, 9), p ~= q, p < q, p <= q, p > q, p >= q, p("called", 1))

local log = {}
local proxy = setmetatable({}, {
  __index = function(_, k) log[#log + 1] = "get " .. k return k:upper() end,
  __newindex = function(t, k, v) log[#log + 1] = "set " .. k rawset(t, k, v) end,
  __pairs = function() return function(_, k) k = (k or 0) + 1 if k <= 3 then return k, k * k end end, nil, nil end,
  __name = "Proxy", __metatable = "locked",
})
print(proxy.a, proxy.b)
proxy.c = 1
print(proxy.c, rawget(proxy, "a"), rawlen({ 1, 2 }), rawequal(proxy, proxy), getmetatable(proxy), table.concat(log, ";"))
for k, v in pairs(proxy) do io.write(k, "=", v, " ") end
print(pcall(setmetatable, proxy, {}))
