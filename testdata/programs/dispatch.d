/// Indirect calls as D makes them: virtual methods, interfaces, delegates with their frame, function pointers, lazy
/// arguments, ranges behind interfaces, scope guards and exceptions through all of these.
module dispatch;

import std.algorithm : map, sort, sum;
import std.array : array;
import std.range : InputRange, inputRangeObject, iota;
import std.stdio : writeln;

interface Weighed
{
    long weight() const;
}

abstract class Shape : Weighed
{
    abstract long area() const;
    long weight() const
    {
        return 2 * area();
    }

    override string toString() const
    {
        import std.conv : text;

        return text("shape of ", area());
    }
}

final class Circle : Shape
{
    long radius;
    this(long radius)
    {
        this.radius = radius;
    }

    override long area() const
    {
        return 3 * radius * radius;
    }
}

class Square : Shape
{
    long side;
    this(long side)
    {
        this.side = side;
    }

    override long area() const
    {
        return side * side;
    }

    override long weight() const
    {
        if (side % 11 == 0)
            throw new Exception("unbalanced");
        return area() + 1;
    }
}

long depth;

long guarded(lazy long value)
{
    depth++;
    scope (exit)
        depth--;
    scope (failure)
        depth += 100;
    return value() + depth;
}

long add(long x, long y)
{
    return x + y;
}

long mix(long x, long y)
{
    return (x * 31 + y) % 100_003;
}

long delegate(long)[] counters()
{
    long delegate(long)[] made;
    foreach (start; iota(0L, 4L))
    {
        made ~= (long start) {
            long value = start;
            return (long step) => value += step + start;
        }(start);
    }
    return made;
}

long visit(InputRange!long range, scope long delegate(long, long) step)
{
    long result;
    foreach (item; range)
        result = step(result, item);
    return result;
}

void main(string[] arguments)
{
    Shape[] shapes;
    foreach (n; 1 .. 25)
        shapes ~= n % 3 ? new Square(n) : cast(Shape) new Circle(n);

    long total;
    foreach (Weighed item; shapes)
    {
        try
            total += guarded(item.weight());
        catch (Exception problem)
            total -= problem.msg.length;
    }
    writeln("weights ", total, " ", depth);
    writeln(shapes[2], ", ", shapes[3]);

    long function(long, long)[] table = [&add, &mix, (long x, long y) => x < y ? x : y + 50_000];
    foreach (n; 0 .. 200)
        total = table[n * 7 % 3](total, n);
    writeln("functions ", total);

    auto made = counters();
    foreach (round; 0 .. 3)
        writeln("counters ", made.map!(counter => counter(round)).array);

    const offset = cast(long) arguments.length;
    writeln("visit ", visit(inputRangeObject(iota(1L, 10L)), (long a, long b) => a * 3 + b + offset));

    auto values = iota(0, 50).map!(n => n * 7919 % 101).array;
    values.sort!((a, b) => (a ^ offset) < (b ^ offset));
    writeln("sorted ", values[0 .. 8], " ", values.sum);
}
