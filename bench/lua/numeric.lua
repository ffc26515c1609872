-- Mandelbrot and n bodies: arithmetic in the interpreter's loop, hardly a call.
local size, inside = 400, 0
for py = 0, size - 1 do
  for px = 0, size - 1 do
    local cr, ci = 2 * px / size - 1.5, 2 * py / size - 1
    local zr, zi, n = 0.0, 0.0, 0
    while n < 100 and zr * zr + zi * zi <= 4 do
      zr, zi = zr * zr - zi * zi + cr, 2 * zr * zi + ci
      n = n + 1
    end
    if n == 100 then inside = inside + 1 end
  end
end

local bodies = {}
for i = 1, 5 do bodies[i] = { x = i, y = i * i % 7, z = -i, vx = 0, vy = 0, vz = 0, mass = 1 / i } end
for step = 1, 120000 do
  for i = 1, 5 do
    local a = bodies[i]
    for j = i + 1, 5 do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local d2 = dx * dx + dy * dy + dz * dz + 0.01
      local mag = 0.0001 / (d2 * math.sqrt(d2))
      a.vx, a.vy, a.vz = a.vx - dx * b.mass * mag, a.vy - dy * b.mass * mag, a.vz - dz * b.mass * mag
      b.vx, b.vy, b.vz = b.vx + dx * a.mass * mag, b.vy + dy * a.mass * mag, b.vz + dz * a.mass * mag
    end
  end
  for i = 1, 5 do
    local b = bodies[i]
    b.x, b.y, b.z = b.x + 0.0001 * b.vx, b.y + 0.0001 * b.vy, b.z + 0.0001 * b.vz
  end
end
print(inside, string.format("%.12f", bodies[1].x + bodies[5].z))
