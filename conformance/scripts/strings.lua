-- The string library: callbacks from C into Lua, patterns, packing, formats.
local text = ("The quick brown fox jumps over the lazy dog. "):rep(40)

print((text:gsub("%a+", function(w) return w:reverse() end)):sub(1, 90))
print(select(2, text:gsub("o", { o = "0" })))
print((text:sub(1, 44):gsub("(%a)(%a*)", "%2%1ay")))
print((("$name is $age, $unknown"):gsub("%$(%w+)", { name = "Ada", age = 36 })))
print((("a,b,,c"):gsub(",", function() return false end)))

-- The callback's kind changes half way through one gsub.
local calls = 0
local function lower(w) return w:lower() end
local change = setmetatable({}, { __call = function(_, w) return w:upper() end })
print((text:sub(1, 88):gsub("%a+", function(w)
  calls = calls + 1
  return (calls % 2 == 0 and change or lower)(w)
end)), calls)

local seen, words = {}, {}
for w in text:gmatch("%a+") do
  if not seen[w] then words[#words + 1] = w end
  seen[w] = (seen[w] or 0) + 1
end
table.sort(words)
for _, w in ipairs(words) do io.write(w, "=", seen[w], " ") end
print()

for k, v in ("a=1, bb=22 ,ccc = 333"):gmatch("(%w+)%s*=%s*(%w+)") do print(k, v) end
print(("[[nested (brackets (here))]]"):match("%b()"), ("key = value"):find("=", 1, true))
print(("THE (quick) fox"):find("%f[%a]%a+%f[%A]", 5))
print(("%5d|%-5d|%05d|%x|%o|%e|%g|%q|%s|%c"):format(42, 42, 42, 255, 8, 12345.678, 0.1, "a\nb", true, 65))
print(("%q"):format(1 / 3), ("%a"):format(1.5), ("%.3f"):format(2 / 3))

local packed = string.pack("<i4 >i2 z s1 d", -2, 513, "zero", "len", 0.5)
print(#packed, string.unpack("<i4 >i2 z s1 d", packed))
print((packed:gsub(".", function(c) return ("%02x"):format(c:byte()) end)))

for _, code in utf8.codes("héllo ✓") do io.write(code, " ") end
print(utf8.len("héllo ✓"), utf8.char(955, 8364))

local sum = 0
for i = 1, 20000 do
  local s = tostring(i * 7919)
  sum = (sum * 31 + s:byte(-1) + #s) % 1000000007
end
print("sum", sum)
print(tonumber("0x1p4"), tonumber("  12  "), tonumber("z", 36), tonumber("1e1"), tonumber("nope"))
