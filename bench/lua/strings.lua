-- The string library: many short calls of C functions from one loop.
local sum = 0
for i = 1, 1000000 do
  local s = "item " .. i
  sum = sum + #s:upper() + s:byte(-1) + s:sub(2, 5):len()
  if s:find("99", 1, true) then sum = sum + 1 end
  sum = sum + #s:rep(2, ",") + #s:reverse()
end
print(sum)
