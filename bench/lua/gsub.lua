-- Patterns with callbacks, tables and strings as replacements, and gmatch.
local text = ("The quick brown fox, 42 years old, jumps over 13 lazy dogs. "):rep(200)
local names = { quick = "slow", lazy = "busy", fox = "cat" }
local sum = 0
for i = 1, 400 do
  local a = text:gsub("%d+", function(n) return tostring(n + i) end)
  local b = text:gsub("%a+", names)
  local c = text:gsub("(%w+), (%w+)", "%2 %1")
  for word in text:gmatch("%a+") do sum = sum + #word end
  local d = text:gsub("%w+", function(w) return #w > 4 and w:upper() or nil end)
  sum = sum + #a + #b + #c + #d
end
print(sum)
