-- table.sort calls its comparator back from C; the comparators are of several kinds.
local state = 12345
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return state % n
end

local function sample(n)
  local t = {}
  for i = 1, n do t[i] = { key = random(500), id = i } end
  return t
end

local function digest(t)
  local h = 7
  for _, e in ipairs(t) do h = (h * 33 + e.key * 1000 + e.id) % 4294967291 end
  return h
end

local calls = 0
local comparators = {
  { "closure", function(a, b)
      calls = calls + 1
      if a.key ~= b.key then return a.key < b.key end
      return a.id < b.id
    end },
  { "reverse", function(a, b)
      if a.key ~= b.key then return a.key > b.key end
      return a.id > b.id
    end },
  { "by metamethod", nil },
}

local ordered = { __lt = function(a, b)
  if a.key ~= b.key then return a.key < b.key end
  return a.id < b.id
end }

for _, c in ipairs(comparators) do
  local t = sample(4000)
  if not c[2] then for _, e in ipairs(t) do setmetatable(e, ordered) end end
  table.sort(t, c[2])
  print(c[1], digest(t), t[1].key, t[#t].key)
end
print("calls", calls > 4000)

-- Built-in comparison of numbers, floats and strings.
local mixed = { 3, 1.5, -2, 1e10, 0, 2 ^ 53, -0.5 }
table.sort(mixed)
print(table.concat(mixed, " "))
local names = { "pear", "Apple", "fig", "apple", "", "figs" }
table.sort(names)
print(table.concat(names, ","))

-- A comparator that is no order at all, and one that throws.
print(pcall(table.sort, { 3, 2, 1, 5, 4 }, function() error("no order", 0) end))
print(pcall(table.sort, { 1, "x" }))

-- Our own quicksort and heap, with the comparator passed down.
local function quick(t, lo, hi, less)
  while lo < hi do
    local pivot, i, j = t[(lo + hi) // 2], lo, hi
    while i <= j do
      while less(t[i], pivot) do i = i + 1 end
      while less(pivot, t[j]) do j = j - 1 end
      if i <= j then
        t[i], t[j] = t[j], t[i]
        i, j = i + 1, j - 1
      end
    end
    if j - lo < hi - i then quick(t, lo, j, less) lo = i else quick(t, i, hi, less) hi = j end
  end
end
local t = sample(4000)
quick(t, 1, #t, comparators[1][2])
print("quick", digest(t))
print(table.concat(table.move({ 1, 2, 3 }, 2, 3, 5), " ", 5, 6), table.unpack({ 1, 2, 3 }, 2))
