-- Joins, aggregates, window functions, recursive CTEs, collations, sorting.
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, city TEXT COLLATE NOCASE);
CREATE TABLE purchase(id INTEGER PRIMARY KEY, customer INT REFERENCES customer, cents INT, day INT);
CREATE INDEX by_customer ON purchase(customer, day);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<200)
  INSERT INTO customer SELECT i, printf('name%03d', (i*7919)%1000),
    CASE i%5 WHEN 0 THEN 'Ulm' WHEN 1 THEN 'ulm' WHEN 2 THEN 'Bonn' WHEN 3 THEN 'BONN' ELSE NULL END FROM n;
WITH RECURSIVE n(i, x) AS (VALUES(1, 12345) UNION ALL SELECT i+1, (x*1103515245+12345)%2147483648 FROM n WHERE i<5000)
  INSERT INTO purchase SELECT i, x%230+1, x%10007, i%365 FROM n;
SELECT count(*), sum(cents), min(cents), max(cents), round(avg(cents), 3), total(cents) FROM purchase;
SELECT city, count(*), count(DISTINCT name), group_concat(id%7) FROM customer WHERE id<40 GROUP BY city ORDER BY city;
SELECT c.city, sum(p.cents) FROM customer c JOIN purchase p ON p.customer=c.id GROUP BY 1 HAVING sum(p.cents)>100 ORDER BY 2 DESC;
SELECT count(*), count(c.id), sum(p.cents) FROM purchase p LEFT JOIN customer c ON c.id=p.customer;
SELECT count(*), count(p.id) FROM purchase p RIGHT JOIN customer c ON c.id=p.customer AND p.day=3;
SELECT count(*) FROM (SELECT id FROM customer INTERSECT SELECT customer FROM purchase);
SELECT count(*) FROM (SELECT customer FROM purchase EXCEPT SELECT id FROM customer);
SELECT name, id FROM customer ORDER BY name COLLATE BINARY DESC, id LIMIT 10 OFFSET 5;
SELECT city, name FROM customer ORDER BY city COLLATE NOCASE NULLS LAST, name LIMIT 8;
SELECT DISTINCT city COLLATE BINARY FROM customer ORDER BY 1 COLLATE RTRIM;
SELECT id, cents, row_number() OVER w, rank() OVER w, dense_rank() OVER w, ntile(4) OVER w,
  lag(cents, 1, -1) OVER w, lead(cents) OVER w, first_value(id) OVER w, nth_value(id, 2) OVER w
  FROM purchase WHERE customer=17 WINDOW w AS (ORDER BY cents, id) ORDER BY cents, id LIMIT 12;
SELECT id, sum(cents) OVER (PARTITION BY day ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
  avg(cents) OVER (PARTITION BY day ORDER BY cents RANGE BETWEEN 500 PRECEDING AND 500 FOLLOWING EXCLUDE TIES),
  group_concat(id, '/') FILTER (WHERE id%2) OVER (ORDER BY day GROUPS 1 PRECEDING)
  FROM purchase WHERE id<60 ORDER BY id;
WITH RECURSIVE tree(id, depth, path) AS (
  VALUES(1, 0, '1') UNION ALL
  SELECT t.id*2+s.v, depth+1, path||'.'||(t.id*2+s.v) FROM tree t, (SELECT 0 v UNION SELECT 1) s WHERE depth<4
  ORDER BY 2 DESC)
  SELECT path FROM tree LIMIT 20;
WITH RECURSIVE
  xaxis(x) AS (VALUES(-2.0) UNION ALL SELECT x+0.1 FROM xaxis WHERE x<1.0),
  yaxis(y) AS (VALUES(-1.0) UNION ALL SELECT y+0.2 FROM yaxis WHERE y<1.0),
  m(iter, cx, cy, x, y) AS (
    SELECT 0, x, y, 0.0, 0.0 FROM xaxis, yaxis UNION ALL
    SELECT iter+1, cx, cy, x*x-y*y+cx, 2.0*x*y+cy FROM m WHERE (x*x+y*y)<4.0 AND iter<20),
  m2(iter, cx, cy) AS (SELECT max(iter), cx, cy FROM m GROUP BY cx, cy),
  a(t) AS (SELECT group_concat(substr(' .+*#', 1+min(iter/5,4), 1), '') FROM m2 GROUP BY cy)
SELECT group_concat(rtrim(t), x'0a') FROM a;
SELECT hex(sum(id*31 + cents)), upper(hex(group_concat(x, ''))) FROM purchase, (SELECT 'ä' AS x) WHERE id<9;
SELECT (SELECT max(cents) FROM purchase q WHERE q.customer=c.id), EXISTS(SELECT 1 FROM purchase q WHERE q.customer=c.id AND day=9)
  FROM customer c WHERE id BETWEEN 10 AND 20;
SELECT day%7, sum(cents) FROM purchase GROUP BY 1 ORDER BY sum(cents)%1000, 1;
SELECT count(*) FROM purchase a JOIN purchase b ON a.day=b.day AND a.cents<b.cents;
EXPLAIN QUERY PLAN SELECT * FROM customer c JOIN purchase p ON p.customer=c.id WHERE c.city='ulm' ORDER BY p.day;
