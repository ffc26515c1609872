// Indirect calls as Go makes them: interface methods, closures, function values, method values, deferred calls,
// goroutines over channels, and panics that are recovered.
package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

type Shape interface {
	Area() int
}

type Weighed interface {
	Shape
	Weight() int
}

type Circle struct{ radius int }
type Square struct{ side int }

func (c Circle) Area() int    { return 3 * c.radius * c.radius }
func (c *Circle) Weight() int { return 2 * c.Area() }
func (s *Square) Area() int   { return s.side * s.side }
func (s *Square) Weight() int {
	if s.side%11 == 0 {
		panic(errors.New("unbalanced"))
	}
	return s.Area() + 1
}

var depth int

func guarded(item Weighed) (weight int) {
	depth++
	defer func() {
		depth--
		if cause := recover(); cause != nil {
			weight = -len(cause.(error).Error())
		}
	}()
	return item.Weight() + depth
}

type operation func(x, y int) int

func add(x, y int) int { return x + y }
func mix(x, y int) int { return (x*31 + y) % 100003 }

func counters() []func(int) int {
	var made []func(int) int
	for start := 0; start < 4; start++ {
		start, value := start, start
		made = append(made, func(step int) int {
			value += step + start
			return value
		})
	}
	return made
}

type byKey struct {
	values []int
	key    func(int) int
}

func (b byKey) Len() int           { return len(b.values) }
func (b byKey) Swap(i, j int)      { b.values[i], b.values[j] = b.values[j], b.values[i] }
func (b byKey) Less(i, j int) bool { return b.key(b.values[i]) < b.key(b.values[j]) }

func main() {
	var items []Weighed
	for n := 1; n < 25; n++ {
		if n%3 == 0 {
			items = append(items, &Circle{n})
		} else {
			items = append(items, &Square{n})
		}
	}
	total := 0
	for _, item := range items {
		total += guarded(item)
	}
	fmt.Println("weights", total, depth)

	table := []operation{add, mix, func(x, y int) int { return (x ^ y) & 0xffff }}
	for n := 0; n < 200; n++ {
		total = table[n*7%3](total, n)
	}
	fmt.Println("functions", total)

	made := counters()
	for round := 0; round < 3; round++ {
		var values []int
		for _, counter := range made {
			values = append(values, counter(round))
		}
		fmt.Println("counters", values)
	}

	area := items[4].Area
	fmt.Println("method values", area(), (*Square).Weight(&Square{7}))

	results := make(chan int)
	for n := 0; n < 8; n++ {
		go func(step operation, n int) { results <- step(n, 7) }(table[n%3], n)
	}
	sum := 0
	for n := 0; n < 8; n++ {
		sum += <-results
	}
	fmt.Println("goroutines", sum)

	values := []int{5, 2, 9, 4, 7, 1}
	sort.Sort(byKey{values, func(n int) int { return n ^ 3 }})
	fmt.Println("sorted", values, strings.Map(func(r rune) rune { return r + 1 }, "HAL"))
}
