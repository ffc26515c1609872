-- Recursion: the plainest calls, through the interpreter's dispatch loop.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
for n = 0, 24 do print(n, fib(n)) end

-- Ackermann nests deeper than fib and returns through tail calls.
local function ack(m, n)
  if m == 0 then return n + 1 end
  if n == 0 then return ack(m - 1, 1) end
  return ack(m - 1, ack(m, n - 1))
end
for m = 0, 2 do print("ack", m, ack(m, 25)) end
