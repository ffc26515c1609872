-- string.format and tostring.
local sum = 0
for i = 1, 600000 do
  local s = string.format("%d %5.2f %s %x %q", i, i / 7, "row", i, "a\nb")
  sum = (sum * 33 + #s + s:byte(i % #s + 1)) & 0xffffffff
  sum = (sum + #tostring(i / 3)) & 0xffffffff
end
print(sum)
