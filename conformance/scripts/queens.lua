-- N queens with bit masks and with tables: integer arithmetic and indexing.
local function masks(n)
  local full = (1 << n) - 1
  local function place(cols, left, right)
    if cols == full then return 1 end
    local free, total = full & ~(cols | left | right), 0
    while free ~= 0 do
      local bit = free & -free
      free = free ~ bit
      total = total + place(cols | bit, ((left | bit) << 1) & full, (right | bit) >> 1)
    end
    return total
  end
  return place(0, 0, 0)
end

for n = 1, 8 do print("masks", n, masks(n)) end

local function boards(n, found)
  local at = {}
  local function safe(row, col)
    for r = 1, row - 1 do
      local c = at[r]
      if c == col or c - r == col - row or c + r == col + row then return false end
    end
    return true
  end
  local function add(row)
    if row > n then return found(at) end
    for col = 1, n do
      if safe(row, col) then
        at[row] = col
        add(row + 1)
      end
    end
  end
  add(1)
end

boards(6, function(at) print("board", table.concat(at, " ")) end)
local solutions = 0
boards(7, function() solutions = solutions + 1 end)
print("boards", solutions)
