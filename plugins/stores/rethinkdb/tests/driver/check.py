"""Checks a server with the official driver: the terms that the job store uses, and what they result in.

Usage: check.py HOST PORT USER DATABASE. The password is the first line of the standard input.
"""

import sys
import threading

from rethinkdb import RethinkDB, errors

r = RethinkDB()
host, port, user, database = sys.argv[1:]
password = sys.stdin.readline().rstrip("\n")
connection = r.connect(host=host, port=int(port), user=user, password=password, timeout=20)
table = r.db(database).table("t")


def run(query, **options):
    result = query.run(connection, **options)
    return result if isinstance(result, (dict, list, str, int, float, bool, type(None))) else list(result)


def equal(found, expected):
    assert found == expected, "expected %r, found %r" % (expected, found)


def counts(result, **expected):
    keys = ["inserted", "deleted", "skipped", "replaced", "unchanged", "errors"]
    equal({key: result[key] for key in keys if result[key]}, expected)


def fails(kind, text, query, **options):
    try:
        found = run(query, **options)
    except errors.ReqlError as error:
        assert isinstance(error, kind), "expected %s, found %r" % (kind.__name__, error)
        assert text in error.message, "expected %r in %r" % (text, error.message)
        return
    raise AssertionError("expected %s, found %r" % (kind.__name__, found))


def new_table():
    if database in run(r.db_list()):
        run(r.db_drop(database))
    equal(run(r.db_create(database))["dbs_created"], 1)
    equal(run(r.db(database).table_create("t"))["tables_created"], 1)
    equal(run(table.wait(wait_for="ready_for_writes"))["ready"], 1)
    equal(run(r.db(database).table_list()), ["t"])


def databases_tables_and_indexes():
    new_table()
    fails(errors.ReqlOpFailedError, "already exists", r.db_create(database))
    fails(errors.ReqlOpFailedError, "already exists", r.db(database).table_create("t"))
    fails(errors.ReqlOpFailedError, "does not exist", r.db(database).table("u").count())
    fails(errors.ReqlOpFailedError, "does not exist", r.db(database + "_x").table("t").count())
    fails(errors.ReqlOpFailedError, "does not exist", r.db(database).table_drop("u"))
    fails(errors.ReqlQueryLogicError, "invalid", r.db_create("a b"))
    fails(errors.ReqlOpFailedError, "was not found", table.between(1, 2, index="none"))
    fails(errors.ReqlOpFailedError, "was not found", table.order_by(index="none"))
    fails(errors.ReqlOpFailedError, "was not found", table.get_all(1, index="none"))
    equal(run(table.index_create("due", lambda row: row["due"].append(row["id"])))["created"], 1)
    equal(run(table.index_create("tags", lambda row: row["tags"].map(lambda tag: tag["name"]).distinct(), multi=True))["created"], 1)
    fails(errors.ReqlOpFailedError, "already exists", table.index_create("due", lambda row: row["x"]))
    equal(run(table.index_list()), ["due", "tags"])
    ready = run(table.index_wait("due", "tags"))
    equal(sorted((index["index"], index["ready"]) for index in ready), [("due", True), ("tags", True)])
    equal(run(table.index_drop("tags"))["dropped"], 1)
    equal(run(table.index_create("tags", lambda row: row["tags"].map(lambda tag: tag["name"]).distinct(), multi=True))["created"], 1)
    run(table.index_wait())


def inserts():
    new_table()
    counts(run(table.insert({"id": "a", "n": 1}, durability="hard")), inserted=1)
    result = run(table.insert([{"id": "b"}, {"id": "a"}, {"id": "c"}]))
    counts(result, inserted=2, errors=1)
    assert result["first_error"].startswith("Duplicate primary key `id`:"), result
    # A conflict that is resolved by a function of the key, the old document, and the new one.
    keep = lambda key, old, new: r.branch(old.has_fields("n"), old, new.merge({"was": key}))
    counts(run(table.insert([{"id": "a", "n": 2}, {"id": "b", "n": 2}, {"id": "d"}], conflict=keep)), inserted=1, replaced=1, unchanged=1)
    equal(run(table.get("a")), {"id": "a", "n": 1})
    equal(run(table.get("b")), {"id": "b", "n": 2, "was": "b"})
    changes = run(table.insert([{"id": "e"}], return_changes=True))["changes"]
    equal(changes, [{"old_val": None, "new_val": {"id": "e"}}])
    result = run(table.insert({"n": 5}))
    equal(len(result["generated_keys"]), 1)
    counts(run(table.insert({"id": "k" * 127})), inserted=1)
    counts(run(table.insert([{"id": "k" * 128}, {"id": "nul\0"}, {"id": None}])), errors=3)
    counts(run(table.insert([{"id": 0, "meta": True}, {"id": [1, "x"]}])), inserted=2)
    fails(errors.ReqlQueryLogicError, "3 arguments", table.insert({"id": "a"}, conflict=lambda a, b: a))
    fails(errors.ReqlServerCompileError, "Unrecognized optional argument `upsert`", table.insert({"id": "a"}, upsert=True))
    fails(errors.ReqlQueryLogicError, "", table.insert({"id": "a"}, durability="rocks"))


def replacements():
    new_table()
    run(table.insert([{"id": str(number), "rev": number, "text": "x"} for number in range(5)]))
    # What a claim does: each document is compared and set by itself.
    claims = {"0": {"rev": 0, "set": {"rev": 1}}, "1": {"rev": 7, "set": {"rev": 8}}, "2": {"rev": 2, "set": None}}
    literal = r.expr(claims)

    def claim(row):
        mine = literal[row["id"]]
        return r.branch(
            row.eq(None), None,
            row["rev"].default(0).eq(mine["rev"]), r.branch(mine["set"].eq(None), None, row.merge(mine["set"])),
            row,
        )

    written = table.get_all("0", "1", "2", "missing").replace(claim, return_changes=True, durability="hard")
    result = run(written)
    counts(result, replaced=1, deleted=1, unchanged=1)
    ids = sorted(change["old_val"]["id"] for change in result["changes"])
    equal(ids, ["0", "2"])
    equal(run(table.get("0")), {"id": "0", "rev": 1, "text": "x"})
    # The result of a write can be worked with in the same query.
    query = table.get_all("0").replace(lambda row: row.merge({"rev": row["rev"] + 1}), return_changes=True)
    equal(run(query.do(lambda result: result["changes"].map(lambda change: change["new_val"]["id"]))), ["0"])
    # A document that does not exist is null.
    counts(run(table.get("n").replace(lambda row: r.branch(row.eq(None), {"id": "n", "at": r.now()}, row))), inserted=1)
    counts(run(table.get("m").replace(lambda row: r.branch(row.eq(None), None, row))), skipped=1)
    result = run(table.get("1").replace(lambda row: row, return_changes="always"))
    counts(result, unchanged=1)
    equal(result["changes"][0]["new_val"]["id"], "1")
    result = run(table.get_all("0", "1").replace(lambda row: r.branch(row["id"].eq("0"), row.merge({"ok": True}), row["none"])))
    counts(result, replaced=1, errors=1)
    assert "No attribute `none` in object" in result["first_error"], result
    counts(run(table.get("1").replace(lambda row: row.without("text"))), replaced=1)
    counts(run(table.get("1").replace({"id": "2"})), errors=1)
    counts(run(table.get("1").replace(lambda row: 5)), errors=1)
    fails(errors.ReqlQueryLogicError, "deterministic", table.get("1").replace(lambda row: table.get("3")))
    fails(errors.ReqlQueryLogicError, "Expected type SELECTION", r.expr([1]).replace(lambda row: row))
    fails(errors.ReqlServerCompileError, "", table.map(lambda row: table.get("1").delete()))
    counts(run(table.filter(lambda row: row["rev"].gt(3)).delete()), deleted=1)
    counts(run(table.between("", r.maxval).delete(durability="hard")), deleted=4)
    equal(run(table.is_empty()), True)


def selections():
    new_table()
    run(table.index_create("due", lambda row: r.branch(
        row["due"].default(None).type_of().eq("ARRAY") & row["due"].count().eq(2), row["due"].append(row["id"]), None)))
    run(table.index_create("paused", lambda row: r.branch(row.has_fields("due").not_(), [row["name"].default(row["id"])], None)))
    run(table.index_create("tags", lambda row: row["tags"].map(lambda tag: tag["name"]).distinct(), multi=True))
    run(table.index_create("flag", lambda row: r.branch(row["flag"].default(False), True, None)))
    run(table.index_wait())
    rows = [{"id": "%03d" % number, "due": [number // 10, 0]} for number in range(100)]
    rows += [
        {"id": "p2", "due": None}, {"id": "p1", "name": "zz", "flag": True}, {"id": 0}, {"id": "broken", "due": [1]},
        {"id": "far", "due": [-9223372036855, 224192], "tags": [{"name": "x"}, {"name": "x"}, {"name": "y"}]},
        {"id": "null", "due": [None, 1]},
    ]
    counts(run(table.insert(rows)), inserted=106)
    due = lambda low, high, **options: table.between(low, high, index="due", **options)
    timed = due([-1e300, r.minval], [5, 0, r.maxval]).order_by(index="due")
    equal(run(timed.limit(2).pluck("id")), [{"id": "far"}, {"id": "000"}])
    equal(run(timed.skip(50).limit(3)["id"]), ["049", "050", "051"])
    equal(run(due([4, 0, "045"], [5, 0, r.maxval], left_bound="open").order_by(index="due").limit(2)["id"]), ["046", "047"])
    equal(run(due([r.minval], [r.maxval]).order_by(index=r.desc("due")).limit(2)["id"]), ["099", "098"])
    equal(len(run(due([r.minval], [r.maxval]))), 101)
    # The null of an index function, or in an array, is left out; so is a document whose function fails.
    equal(run(table.order_by(index="paused")["id"]), [0, "p2", "p1"])
    equal(run(table.between("", r.maxval).order_by(index="id").limit(2)["id"]), ["000", "001"])
    equal(run(table.between("p", "q", index="id").order_by(index=r.desc("id"))["id"]), ["p2", "p1"])
    equal(sorted(run(table.get_all("001", "002", "none")["id"])), ["001", "002"])
    equal(run(table.get_all("x", index="tags")["id"]), ["far"])
    equal(run(table.get_all(True, index="flag")["id"]), ["p1"])
    equal(run(table.between(r.minval, r.maxval, index="tags").concat_map(lambda row: row["tags"]["name"]).distinct()), ["x", "y"])
    equal(run(table.get("none")), None)
    equal(run(table.get("none")["x"].default("nothing")), "nothing")
    wanted = r.expr(["001", "002"])
    equal(run(table.filter(lambda row: wanted.contains(row["id"])).count()), 2)
    equal(run(table.limit(5).count()), 5)
    equal(run(table.filter(lambda row: row["none"].eq(1)).count()), 0)
    last = r.expr(["due"]).map(lambda name: {
        "name": name, "last": table.order_by(index=r.desc("due")).skip(1).limit(1)["id"].nth(0).default(None)})
    equal(run(last), [{"name": "due", "last": "098"}])
    fails(errors.ReqlNonExistenceError, "No attribute `x`", table.get("p2")["x"])
    fails(errors.ReqlQueryLogicError, "index", due([1], [2]).order_by(index="paused"))
    fails(errors.ReqlQueryLogicError, "minval", table.between(None, 5))
    fails(errors.ReqlServerCompileError, "Expected 2 arguments but found", r.expr([1]).limit())
    equal(run(table.limit(2 ** 31 - 1).count()), 106)
    fails(errors.ReqlQueryLogicError, "", table.limit(2 ** 31))
    equal(run(table.get_all("001"), read_mode="majority"), [{"id": "001", "due": [0, 0]}])
    equal(run(r.db(database).table("t", read_mode="majority").get("001"))["id"], "001")
    fails(errors.ReqlQueryLogicError, "", r.db(database).table("t", read_mode="some").get("001"))


def values():
    for query, expected in [
        (r.expr({"a": {"b": 1}}).merge({"a": {"c": 2}}, {"d": [1]}), {"a": {"b": 1, "c": 2}, "d": [1]}),
        (r.expr({"a": [1, 2]}).merge({"a": [3]}), {"a": [3]}),
        (r.expr({"a": 1, "b": 2}).without("a"), {"b": 2}),
        (r.expr({"a": 1, "b": 2}).pluck("a", "c"), {"a": 1}),
        (r.expr({"a": 1, "b": None}).has_fields("a"), True),
        (r.expr({"a": 1, "b": None}).has_fields("b"), False),
        (r.expr(None)["a"].default(5), 5),
        (r.expr(None).has_fields("a").default(6), 6),
        (r.expr([1, 2]).append(3), [1, 2, 3]),
        (r.expr([1, 2])[5].default(None), None),
        (r.expr([{"a": 1}, {}, {"a": 2}])["a"], [1, 2]),
        (r.expr([3, 1, 3]).distinct(), [1, 3]),
        (r.expr([[1, 2], [3]]).concat_map(lambda items: items), [1, 2, 3]),
        (r.expr([1, 2, 3]).filter(lambda number: number.ne(2)), [1, 3]),
        (r.expr([1, 2]).contains(2), True),
        (r.expr([]).is_empty(), True),
        (r.expr([1, 2]).count(), 2),
        (r.expr(2.5).floor() + r.expr(2.5).mul(2), 7),
        (r.expr("a").type_of() + r.expr(1).type_of() + r.expr([]).type_of() + r.expr(None).type_of(), "STRINGNUMBERARRAYNULL"),
        (r.branch(False, 1, None, 2, 3), 3),
        (r.expr(True).and_(r.expr(1).lt(2), r.expr(2).ge(2)).not_(), False),
        (r.expr("é").lt("😀"), True),
        (r.expr([1, "a"]).lt([1, "b"]), True),
        (r.expr(9007199254740991), 9007199254740991),
        (r.expr("\0 \u2028 \U0001F600"), "\0 \u2028 \U0001F600"),
    ]:
        equal(run(query), expected)
    now = run(r.now().to_epoch_time())
    assert now > 1.7e9 and abs(now * 1000 - round(now * 1000)) < 1e-3, now
    assert run(r.now(), time_format="raw")["$reql_type$"] == "TIME"
    equal(run(r.now().to_epoch_time().mul(1000).round().mul(1000).type_of()), "NUMBER")
    fails(errors.ReqlUserError, "mine", r.error("mine"))
    fails(errors.ReqlQueryLogicError, "Expected type NUMBER", r.expr("a").mul(2))


def batches():
    new_table()
    counts(run(table.insert([{"id": number, "text": "x" * 1000} for number in range(5000)])), inserted=5000)
    cursor = table.order_by(index="id").run(connection)
    equal([next(cursor)["id"] for _ in range(3)], [0, 1, 2])
    equal([row["id"] for row in cursor], list(range(3, 5000)))
    cursor = table.run(connection)
    next(cursor)
    cursor.close()
    equal(run(table.count()), 5000)
    # Two queries at a time on one connection.
    first, second = table.order_by(index="id").run(connection), table.order_by(index="id").run(connection)
    for one, two in zip(first, second):
        equal(one, two)
    fails(errors.ReqlResourceLimitError, "Array over size limit", r.expr(list(range(100001))))


def feeds():
    new_table()
    watching = r.connect(host=host, port=int(port), user=user, password=password)
    visible = lambda row: r.branch(row.has_fields("finished"), "", row["writer"]).default("")
    feed = table.changes().filter(
        lambda change: change.has_fields("error").or_(visible(change["old_val"]).ne(visible(change["new_val"])))
    ).map(lambda change: visible(change["new_val"])).run(watching)
    run(table.insert({"id": "a", "writer": "w1"}))
    run(table.get("a").replace(lambda row: row.merge({"open": []})))
    run(table.get("a").replace(lambda row: row.merge({"writer": "w2"})))
    run(table.get("a").replace(lambda row: row.merge({"writer": "w3", "finished": 1})))
    run(table.get("a").delete())
    run(table.insert({"id": "b", "writer": "w4"}))
    equal([feed.next(wait=10) for _ in range(4)], ["w1", "w2", "", "w4"])
    try:
        feed.next(wait=0.2)
        raise AssertionError("a change of nothing was reported")
    except errors.ReqlTimeoutError:
        pass
    # Other queries are answered on the same connection.
    equal(r.expr(True).run(watching), True)
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(feed.next(wait=20)))
    thread.start()
    run(table.get("b").delete())
    thread.join()
    equal(waiting, [""])
    run(r.db(database).table_drop("t"))
    try:
        feed.next(wait=20)
        raise AssertionError("a feed of no table goes on")
    except errors.ReqlOpFailedError:
        pass
    watching.close()


def logins():
    for wrong in [{"password": password + "x"}, {"user": "nobody", "password": password}]:
        try:
            r.connect(host=host, port=int(port), **dict({"user": user}, **wrong))
            raise AssertionError("a wrong login was accepted")
        except errors.ReqlAuthError:
            pass
    assert r.connect(host=host, port=int(port), user=user, password=password).server()["id"]


def permissions():
    new_table()
    run(table.insert({"id": "a"}))
    users, name = r.db("rethinkdb").table("users"), database + "_reader"
    run(users.get(name).delete())
    counts(run(users.insert({"id": name, "password": "secret"})), inserted=1)
    run(r.db(database).grant(name, {"read": True, "write": False}))
    reading = r.connect(host=host, port=int(port), user=name, password="secret")
    equal(table.get("a").run(reading), {"id": "a"})
    for query in [table.insert({"id": "b"}), table.get("a").delete(), r.db(database).table_create("u")]:
        try:
            query.run(reading)
            raise AssertionError("a user without permission wrote")
        except errors.ReqlPermissionError as error:
            assert "permission" in error.message, error
    reading.close()
    run(users.get(name).delete())


CHECKS = [databases_tables_and_indexes, inserts, replacements, selections, values, batches, feeds, logins, permissions]
for check in CHECKS:
    try:
        check()
    except Exception:
        print("failed: " + check.__name__, file=sys.stderr)
        raise
    print("ok: " + check.__name__)
run(r.db_drop(database))
connection.close()
