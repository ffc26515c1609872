//! Indirect calls as Rust makes them: trait objects, boxed and borrowed closures, function pointers, iterators behind
//! `dyn`, drop glue, and panics that unwind through all of these.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};

trait Shape: fmt::Debug {
    fn area(&self) -> u64;
    fn weight(&self) -> u64 {
        2 * self.area()
    }
}

#[derive(Debug)]
struct Circle(u64);
#[derive(Debug)]
struct Square(u64);
#[derive(Debug)]
struct Named {
    name: String,
    inner: Box<dyn Shape>,
}

impl Shape for Circle {
    fn area(&self) -> u64 {
        3 * self.0 * self.0
    }
}

impl Shape for Square {
    fn area(&self) -> u64 {
        self.0 * self.0
    }
    fn weight(&self) -> u64 {
        self.area() + 1
    }
}

impl Shape for Named {
    fn area(&self) -> u64 {
        self.inner.area() + self.name.len() as u64
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        println!("drop {} {:?}", self.name, self.inner);
    }
}

fn shapes(count: u64) -> Vec<Box<dyn Shape>> {
    (1..=count)
        .map(|n| -> Box<dyn Shape> {
            match n % 3 {
                0 => Box::new(Circle(n)),
                1 => Box::new(Square(n)),
                _ => Box::new(Named { name: format!("n{n}"), inner: Box::new(Circle(n + 1)) }),
            }
        })
        .collect()
}

type Operation = fn(u64, u64) -> u64;

fn add(x: u64, y: u64) -> u64 {
    x.wrapping_add(y)
}

fn scale(x: u64, y: u64) -> u64 {
    x.wrapping_mul(y | 1)
}

fn chosen(n: u64) -> Operation {
    [add, scale, u64::wrapping_sub, u64::rotate_left_by][(n % 4) as usize]
}

trait RotateBy {
    fn rotate_left_by(x: u64, y: u64) -> u64;
}

impl RotateBy for u64 {
    fn rotate_left_by(x: u64, y: u64) -> u64 {
        x.rotate_left((y & 63) as u32)
    }
}

fn fold(items: &mut dyn Iterator<Item = u64>, step: &dyn Fn(u64, u64) -> u64) -> u64 {
    let mut sum = 0;
    for item in items {
        sum = step(sum, item);
    }
    sum
}

fn counters() -> Vec<Box<dyn FnMut() -> u64>> {
    let mut made: Vec<Box<dyn FnMut() -> u64>> = Vec::new();
    for start in 0..4u64 {
        let mut value = start;
        made.push(Box::new(move || {
            value += start + 1;
            value
        }));
    }
    made
}

fn machine(program: &[u8]) -> Result<i64, String> {
    let mut stack: Vec<i64> = Vec::new();
    for (at, code) in program.iter().enumerate() {
        let mut pop = || stack.pop().ok_or_else(|| format!("empty at {at}"));
        let value = match code {
            b'0'..=b'9' => i64::from(code - b'0'),
            b'+' => pop()? + pop()?,
            b'-' => -pop()? + pop()?,
            b'*' => pop()? * pop()?,
            b'/' => {
                let below = pop()?;
                pop()?.checked_div(below).ok_or("division by zero")?
            }
            b'~' => !pop()?,
            b'?' => pop()?.signum(),
            _ => return Err(format!("unknown {:?} at {at}", *code as char)),
        };
        stack.push(value);
    }
    stack.pop().ok_or_else(|| "nothing".to_string())
}

fn main() {
    let all = shapes(9);
    for shape in &all {
        println!("{} {}", shape.area(), shape.weight());
    }
    println!("{:?}", all);
    drop(all);

    let mut sum = 1;
    for n in 0..40 {
        sum = chosen(n)(sum, n + 3);
    }
    println!("chosen {sum}");

    let offset = std::env::args().count() as u64;
    let step = move |sum: u64, item: u64| sum * 3 + item + offset;
    println!("fold {}", fold(&mut (1..10).rev(), &step));
    println!("fold {}", fold(&mut [5u64, 4, 3].iter().copied().chain(7..9), &|a, b| a ^ (b << offset)));

    let mut made = counters();
    for round in 0..3 {
        let values: Vec<u64> = made.iter_mut().map(|counter| counter()).collect();
        println!("counters {round} {values:?}");
    }

    let mut table: BTreeMap<String, Box<dyn Fn(&str) -> String>> = BTreeMap::new();
    table.insert("upper".into(), Box::new(|text| text.to_uppercase()));
    table.insert("reversed".into(), Box::new(|text| text.chars().rev().collect()));
    let suffix = format!("-{offset}");
    table.insert("tagged".into(), Box::new(move |text| text.to_owned() + &suffix));
    for (name, function) in &table {
        println!("{name} {}", function("Indirect"));
    }

    for program in ["12+3*", "5?~", "82/7-", "10/", "+", "1x", ""] {
        println!("{program:?} {:?}", machine(program.as_bytes()));
    }

    std::panic::set_hook(Box::new(|_| ()));
    for limit in [2u64, 100] {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let guarded = Named { name: format!("guard{limit}"), inner: Box::new(Square(limit)) };
            fold(&mut (0..10), &|sum, item| if item > limit { panic!("beyond") } else { sum + item + guarded.area() })
        }));
        println!("caught {:?}", caught.map_err(|cause| cause.downcast_ref::<&str>().map(|text| text.to_string())));
    }
}
