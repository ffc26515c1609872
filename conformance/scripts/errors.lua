-- Error handling: longjmp through C frames, handlers, to-be-closed variables.
print(pcall(error, "plain"))
print(pcall(error, "level 0", 0))
print(pcall(error))
print(select(2, pcall(error, { code = 42 })).code)
print(pcall(function() error("with position") end))
print(pcall(function() local t = nil; return t.x end))
print(pcall(function() return 1 + {} end))
print(pcall(function() return "a" < 1 end))
print(pcall(function() return #5 end))
print(pcall(function() undefined_function() end))
print(pcall(string.rep, "x", -1), pcall(string.rep))
print(pcall(setmetatable, 1, {}))
print(select("#", pcall(function() return 1, nil, nil end)))

local function handler(e) return "handled <" .. tostring(e) .. ">" end
print(xpcall(function(a, b) return a + b end, handler, 3, 4))
print(xpcall(function() error("deep", 0) end, handler))
print(xpcall(function() error("first", 0) end, function(e) error("in handler", 0) end))
print(xpcall(function() local function f() error("traced") end f() end, function(e) return (debug.traceback(e, 1):gsub("\n.*", "")) end))

local function overflow(n) return 1 + overflow(n + 1) end
local ok, message = pcall(overflow, 1)
print(ok, (tostring(message):match("stack overflow")))
print(pcall(string.gsub, "x", "x", function() error("from callback", 0) end))
print(pcall(load, function() error("from reader", 0) end))
print(load("x ="), load("for", "=chunk"), load("goto nowhere", "=chunk"))

-- Errors thrown and caught at every depth, and rethrown.
local function nest(depth)
  if depth == 0 then error({ depth = 0 }) end
  local ok, e = pcall(nest, depth - 1)
  if depth % 3 == 0 then return e.depth end
  if ok then error({ depth = e + 100 }) end
  e.depth = e.depth + depth
  error(e, 0)
end
for depth = 1, 12 do
  local ok, e = pcall(nest, depth)
  print("nest", depth, ok, ok and e or e.depth)
end

do
  local function closing(name) return setmetatable({}, { __close = function(_, e) print("close", name, e) end }) end
  print(pcall(function()
    local a <close> = closing("a")
    local b <close> = closing("b")
    error("leaving", 0)
  end))
  for i = 1, 3 do
    local c <close> = closing(i)
    if i == 2 then break end
  end
end

local caught = 0
for i = 1, 20000 do if not pcall(error, i) then caught = caught + 1 end end
print("caught", caught, pcall(assert, false), pcall(assert, nil, "message"), (assert(1, "unused")))
warn("@on")
warn("to the ", "error stream")
