-- of statements.py: what comes first
PRAGMA page_size = 1024
PRAGMA foreign_keys = ON
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT UNIQUE, town TEXT, credit INTEGER DEFAULT 0 CHECK(credit > -100000))
CREATE TABLE product(id INTEGER PRIMARY KEY, name TEXT, price INTEGER, stock INTEGER, tags TEXT CHECK(json_valid(tags)))
CREATE TABLE sale(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer ON DELETE CASCADE, day TEXT)
CREATE TABLE item(sale INTEGER REFERENCES sale ON DELETE CASCADE, product INTEGER REFERENCES product, n INTEGER, PRIMARY KEY(sale, product)) WITHOUT ROWID
CREATE TABLE event(id INTEGER PRIMARY KEY, what TEXT, data TEXT)
CREATE TABLE tally(key TEXT PRIMARY KEY, n INTEGER)
CREATE VIRTUAL TABLE note USING fts5(title, body)
CREATE INDEX sale_day ON sale(day, customer)
CREATE INDEX item_product ON item(product) WHERE n > 1
CREATE INDEX event_kind ON event(json_extract(data, '$.kind'))
CREATE VIEW bill AS SELECT s.id, s.customer, s.day, sum(i.n * p.price) AS total FROM sale s JOIN item i ON i.sale = s.id JOIN product p ON p.id = i.product GROUP BY s.id
CREATE TRIGGER item_new AFTER INSERT ON item BEGIN UPDATE product SET stock = stock - new.n WHERE id = new.product; INSERT INTO event(what, data) VALUES('sold', json_object('kind', 'item', 'product', new.product, 'n', new.n)); END
CREATE TRIGGER item_gone AFTER DELETE ON item BEGIN UPDATE product SET stock = stock + old.n WHERE id = old.product; END
-- of these each round asks some; {a}, {b}, {c} are numbers, {word} is one of the notes
SELECT c.name, count(*), sum(b.total) FROM bill b JOIN customer c ON c.id = b.customer WHERE c.id % 5 = {a} % 5 GROUP BY c.id ORDER BY 3 DESC, 1 LIMIT 4
SELECT p.name, total(i.n) AS sold FROM product p LEFT JOIN item i ON i.product = p.id WHERE p.id BETWEEN {a} AND {a} + 6 GROUP BY p.id HAVING sold < 90 ORDER BY sold, p.name
SELECT x.name, y.name FROM customer x JOIN customer y ON x.town = y.town AND x.id < y.id WHERE x.id < {a} ORDER BY x.id, y.id LIMIT 5
WITH RECURSIVE n(i, f) AS (VALUES(1, 1) UNION ALL SELECT i + 1, f * (i + 1) % 1000003 FROM n WHERE i < {b}) SELECT max(i), sum(f) FROM n
WITH RECURSIVE day(d) AS (VALUES('2023-01-01') UNION ALL SELECT date(d, '+9 days') FROM day WHERE d < '2023-05-01') SELECT d, (SELECT count(*) FROM sale WHERE sale.day BETWEEN d AND date(d, '+8 days')) FROM day WHERE {a} % 2 = 0
WITH spent AS (SELECT customer, sum(total) AS t FROM bill GROUP BY 1), ranked AS (SELECT customer, t, rank() OVER (ORDER BY t DESC) AS r FROM spent) SELECT r, t, name FROM ranked JOIN customer ON id = customer WHERE r <= 3
SELECT id, total, sum(total) OVER (PARTITION BY customer ORDER BY id ROWS 2 PRECEDING), lag(total, 1, 0) OVER (ORDER BY id) FROM bill WHERE customer = {a} ORDER BY id LIMIT 6
SELECT json_extract(data, '$.kind'), count(*), json_group_array(id) FROM (SELECT * FROM event ORDER BY id DESC LIMIT 12) GROUP BY 1 ORDER BY 1
SELECT e.id, t.key, t.value, t.type FROM event e, json_each(e.data) t WHERE e.id % 97 = {c} ORDER BY e.id, t.key LIMIT 8
SELECT json_set(tags, '$.seen', {a}, '$.list[#]', 'new') FROM product WHERE json_extract(tags, '$.list[0]') = {c} % 10 ORDER BY id LIMIT 3
SELECT json_patch(tags, json_object('a', {a}, 'list', NULL)), json_array_length(tags, '$.list') FROM product WHERE id = 1 + {a} % 20
SELECT title, highlight(note, 1, '[', ']') FROM note WHERE note MATCH '{word}' ORDER BY rank, rowid LIMIT 3
SELECT count(*), min(title) FROM note WHERE note MATCH '{word} NOT title : {word}*'
SELECT snippet(note, 1, '<', '>', '..', 5) FROM note('"{word}" OR {word}*') ORDER BY bm25(note), rowid LIMIT 2
SELECT day, group_concat(id, ' ') FROM (SELECT day, id FROM sale ORDER BY id) WHERE day > date('2023-01-01', '+{a} days') GROUP BY day ORDER BY day LIMIT 3
SELECT town, sum(credit) * 100 / count(*), max(length(name)) FROM customer WHERE name LIKE '%{c}%' OR name GLOB '[a-m]*' GROUP BY town ORDER BY town
SELECT id FROM product WHERE stock < {b} EXCEPT SELECT product FROM item WHERE n > 3 UNION SELECT {a} ORDER BY 1 LIMIT 9
SELECT name FROM product WHERE id IN (SELECT product FROM item WHERE sale IN (SELECT id FROM sale WHERE customer = {a})) ORDER BY name
SELECT CASE WHEN credit < 0 THEN 'owes' WHEN credit > 500 THEN 'rich' ELSE 'even' END AS c, count(*) FROM customer GROUP BY c ORDER BY c
SELECT printf('%08.3f|%-7d|%x', {a} / 7.0, {b}, {c}), {a} % 7, {b} << 3, hex({c}), round({b} / 3.0, 2), substr('{word}', 2), quote(NULL)
EXPLAIN QUERY PLAN SELECT * FROM sale JOIN customer ON customer.id = customer WHERE day = '2023-02-0{c}'
-- what comes last
DELETE FROM customer WHERE id % 7 = 3
INSERT INTO note(note) VALUES('optimize')
REINDEX
ANALYZE
SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx
SELECT count(*), sum(stock) FROM product
SELECT count(*), sum(total) FROM bill
SELECT count(*), sum(length(data)) FROM event
SELECT key, n FROM tally ORDER BY n DESC, key LIMIT 20
VACUUM
PRAGMA integrity_check
PRAGMA foreign_key_check
