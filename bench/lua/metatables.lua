-- Objects: __index chains, operators and calls by metamethods.
local Point = {}
Point.__index = Point
Point.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Point) end
Point.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Point.__lt = function(a, b) return a.x < b.x end
Point.__len = function(a) return a.x & 7 end
Point.__call = function(self, k) return self.x * k + self.y end
Point.__concat = function(a, b) return 1 end
function Point:norm() return self.x * self.x + self.y * self.y end

local Named = setmetatable({}, { __index = Point })
Named.__index = function(t, key) return rawget(Named, key) or Point[key] or #key end
Named.__newindex = function(t, key, value) rawset(t, key, value & 0xffff) end

local sum, p = 0, setmetatable({ x = 0, y = 1 }, Point)
local one = setmetatable({ x = 1, y = 2 }, Point)
local named = setmetatable({ x = 3, y = 4 }, Named)
for i = 1, 1500000 do
  p = p + one
  if one < p then sum = sum + #p + p(3) end
  if p == one then sum = sum + (p .. one) end
  sum = (sum + one:norm() + named:norm() + named.missing) & 0xffffffff
  named[i & 15] = i
end
print(sum)
