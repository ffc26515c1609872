-- One generic loop whose C function changes seven times: what was learned in one phase is wrong in the next.
local function apply(f, a, b, times)
  local last
  for _ = 1, times do last = f(a, b) end
  return last
end

local phases = {
  { math.sin, 0.5 }, { string.byte, "phase", 3 }, { math.max, 3, 4 }, { rawlen, "phase" },
  { math.floor, 2.5 }, { string.len, "four" }, { math.abs, -7 }, { select, "#", 1 },
}
local sum = 0
for round, phase in ipairs(phases) do
  sum = sum + apply(phase[1], phase[2], phase[3], 3000000)
end
print(string.format("%.6f", sum))
