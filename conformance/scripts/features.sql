-- Triggers, views, UPSERT, savepoints, JSON, FTS, R-Tree, functions, dates, vacuum.
PRAGMA foreign_keys=ON;
CREATE TABLE account(id INTEGER PRIMARY KEY, owner TEXT UNIQUE, balance INT CHECK(balance>=0)) STRICT;
CREATE TABLE journal(seq INTEGER PRIMARY KEY AUTOINCREMENT, account INT REFERENCES account ON DELETE CASCADE, what TEXT, delta INT);
CREATE TRIGGER opened AFTER INSERT ON account BEGIN INSERT INTO journal(account,what,delta) VALUES(new.id,'open',new.balance); END;
CREATE TRIGGER changed AFTER UPDATE OF balance ON account WHEN new.balance<>old.balance
  BEGIN INSERT INTO journal(account,what,delta) VALUES(new.id,'change',new.balance-old.balance); END;
CREATE VIEW rich AS SELECT owner, balance FROM account WHERE balance>500;
CREATE TRIGGER rich_update INSTEAD OF UPDATE ON rich BEGIN UPDATE account SET balance=new.balance WHERE owner=old.owner; END;
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<100) INSERT INTO account SELECT i, 'owner'||i, i*10 FROM n;
UPDATE account SET balance=balance+5 WHERE id%3=0 RETURNING id, balance;
UPDATE rich SET balance=balance-1 WHERE balance%20=0;
INSERT INTO account VALUES(5,'owner5',1) ON CONFLICT(id) DO UPDATE SET balance=balance+excluded.balance;
INSERT OR IGNORE INTO account VALUES(5,'owner5',-1);
SAVEPOINT a; DELETE FROM account WHERE id>50; SELECT count(*) FROM journal; ROLLBACK TO a; RELEASE a;
DELETE FROM account WHERE id>90;
SELECT what, count(*), sum(delta), max(seq) FROM journal GROUP BY what;
BEGIN; UPDATE account SET balance=0; ROLLBACK;
SELECT sum(balance), count(*) FROM rich;

SELECT json_extract('{"a":[1,2.5,{"b":null}],"c":"x\u00e9"}', '$.a[1]', '$.c'), json('{"a" : [ 1 , 2 ] }'),
  json_array(1,'two',3.5,null,json('[4]')), json_object('k',1,'l','m'), json_type('[1.5]','$[0]'), json_valid('{');
SELECT json_set('{"a":1}','$.b',json('[1,2]')), json_remove('[0,1,2]','$[1]'), json_patch('{"a":1,"b":2}','{"b":null,"c":3}'),
  '{"x":{"y":7}}' -> '$.x', '{"x":{"y":7}}' ->> '$.x.y';
SELECT key, value, type, fullkey FROM json_tree('{"a":[true,false,null,{"b":"c"}],"n":-1e3}');
SELECT json_group_array(owner), json_group_object(owner, balance) FROM (SELECT * FROM account WHERE id<6);

CREATE VIRTUAL TABLE doc USING fts5(title, body, tokenize='porter unicode61');
CREATE VIRTUAL TABLE old USING fts4(body, tokenize=porter);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<300)
  INSERT INTO doc SELECT 'title '||(i%10), CASE i%4 WHEN 0 THEN 'indirect calls jumping ' WHEN 1 THEN 'the calling convention '
    WHEN 2 THEN 'Jumped over ünïcode ' ELSE 'nothing ' END || i || ' ' || (i*i%97) FROM n;
INSERT INTO old SELECT body FROM doc;
SELECT rowid, highlight(doc,1,'<','>'), round(bm25(doc),6) FROM doc WHERE doc MATCH 'call NEAR jump*' ORDER BY rank, rowid LIMIT 5;
SELECT count(*) FROM doc WHERE doc MATCH '(unicode OR jump) NOT title:3 OR body:convention';
SELECT snippet(doc,1,'[',']','...',3), rowid FROM doc WHERE doc MATCH '"indirect call"' ORDER BY rowid LIMIT 4;
SELECT rowid, offsets(old), snippet(old), hex(matchinfo(old)) FROM old WHERE old MATCH 'jump OR convention' AND rowid<9;
INSERT INTO doc(doc) VALUES('optimize'); INSERT INTO doc(doc) VALUES('integrity-check');
INSERT INTO old(old) VALUES('optimize');

CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<2000)
  INSERT INTO box SELECT i, i*17%401, i*17%401+5, i*31%307, i*31%307+9 FROM n;
SELECT count(*), sum(id) FROM box WHERE x0<200 AND x1>150 AND y0<100 AND y1>90;
DELETE FROM box WHERE id%3=0; SELECT rtreecheck('box'), count(*) FROM box;

SELECT date('2024-02-29','+1 year'), strftime('%Y %j %W %s','2000-12-31 12:34:56'), julianday('1970-01-01'), datetime(1e9,'unixepoch');
SELECT abs(-3), round(2.567,2), substr('abcdef',-3,2), instr('hello','l'), replace('aXbX','X','--'), trim('  x '), quote(x'00ff'),
  printf('%08.3f|%-5s|%+d|%x|%,d', 3.14159, 'ab', 5, 255, 1234567), typeof(1/2.0), unicode('é'), char(960), zeroblob(2)=x'0000',
  coalesce(null,1), iif(1,'y','n'), glob('a*c','abc'), 'ABC' LIKE 'a_c', 'a%' LIKE 'a\%' ESCAPE '\', likely(1), soundex('Robert');
SELECT round(sin(1),9), round(exp(1),9), round(ln(10),9), round(sqrt(2),9), round(pow(2,0.5),9), ceil(1.2), floor(-1.2), mod(7,3), pi()>3;
SELECT CAST('12abc' AS INT), CAST(1e20 AS INT), 9223372036854775807+1, 7/2, -7/2, -7%3, 1<<40, ~5, 'a'||1||NULL IS NULL, 0.1+0.2=0.3;

CREATE TABLE wide(k TEXT PRIMARY KEY, v BLOB, g AS (length(v)) STORED) WITHOUT ROWID;
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<500)
  INSERT INTO wide(k,v) SELECT printf('%05x', i*7919%65536), CAST(printf('%0*d', i%900+1, i) AS BLOB) FROM n;
SELECT count(*), sum(g), min(k), max(k) FROM wide; DELETE FROM wide WHERE g%2; ALTER TABLE wide ADD COLUMN extra DEFAULT 'e';
CREATE INDEX part ON wide(g) WHERE g>400; ANALYZE; REINDEX; VACUUM; PRAGMA integrity_check; PRAGMA page_count;
SELECT count(*), sum(g), min(extra) FROM wide WHERE g>400;
ATTACH ':memory:' AS other; CREATE TABLE other.copy AS SELECT * FROM wide ORDER BY v DESC LIMIT 50; SELECT sum(g) FROM other.copy;
SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2;
.mode quote
SELECT * FROM rich ORDER BY balance DESC LIMIT 5;
.mode json
SELECT id, owner FROM account LIMIT 3;
.mode box
SELECT id, owner, balance FROM account LIMIT 3;
.mode insert copied
SELECT * FROM journal LIMIT 3;
.sha3sum
.dump journal
