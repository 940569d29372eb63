package statement

import "testing"

func TestLiteralsNeverSurvive(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		d    Dialect
		want string
	}{
		{"placeholders stay", "SELECT a FROM t WHERE id = $1 AND b = ? AND c = :name AND d = @p1 AND e = ?2", Postgres,
			"SELECT a FROM t WHERE id = $1 AND b = ? AND c = :name AND d = @p1 AND e = ?2"},
		{"strings", "SELECT * FROM t WHERE n = 'O''Brien' AND m='x'", Standard, "SELECT * FROM t WHERE n = ? AND m=?"},
		{"numbers", "SELECT 1, -2.5e-3, .5, 0xFF, t1.c2 FROM t1 LIMIT 10", Standard, "SELECT ?, -?, ?, ?, t1.c2 FROM t1 LIMIT ?"},
		{"comments", "SELECT 1 -- secret\n, /* secret */ 2", Standard, "SELECT ? , ?"},
		{"names", `SELECT "Full Name" FROM "t"`, Postgres, `SELECT "Full Name" FROM "t"`},
		{"mysql strings", `SELECT "secret", 'it\'s secret' FROM t # secret`, MySQL, "SELECT ?, ? FROM t"},
		{"postgres backslash is text", `SELECT 'C:\' AS a, 'secret'`, Postgres, "SELECT ? AS a, ?"},
		{"postgres escapes", `SELECT E'it\'s secret', 'b'`, Postgres, "SELECT E?, ?"},
		{"dollar quotes", "SELECT $$secret$$, $a$sec$ret$a$, $1", Postgres, "SELECT ?, ?, $1"},
		{"unknown hides", `SELECT 'it\'s secret' FROM t`, Unknown, "SELECT ?"},
		{"unknown hides double", `SELECT "secret" FROM t`, Unknown, "SELECT ? FROM t"},
		{"open string", "SELECT 'secret", Standard, "SELECT ?"},
		{"cast", "SELECT a::int, '5'::text, a[1:5] FROM t", Postgres, "SELECT a::int, ?::text, a[?:?] FROM t"},
		{"white space", "SELECT\n\t a\n FROM  t ", Standard, "SELECT a FROM t"},
		{"ping", "-- ping", Postgres, ""},
		{"unicode", "SELECT 'é' AS naïve", Standard, "SELECT ? AS naïve"},
	} {
		if got := sanitize(c.in, c.d); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	for in, want := range map[string]string{
		"select a, b from orders o where x = $1":                           "SELECT orders",
		"INSERT INTO public.orders(a) VALUES ($1) RETURNING id":            "INSERT public.orders",
		`UPDATE "users" SET a = 1`:                                         "UPDATE users",
		"delete from t":                                                    "DELETE t",
		"WITH x AS (SELECT 1 FROM hidden) SELECT * FROM shown":             "SELECT shown",
		"WITH x AS (SELECT count(*) FROM a) INSERT INTO b SELECT * FROM x": "INSERT b",
		"SELECT DISTINCT a, (SELECT max(x) FROM hidden) FROM shown":        "SELECT shown",
		"SELECT count(*)FROM t":                                            "SELECT t",
		"SELECT 1":                                                         "SELECT",
		"SELECT * FROM (SELECT 1) s":                                       "SELECT",
		"CREATE TABLE IF NOT EXISTS items (id int)":                        "CREATE TABLE items",
		"CREATE UNIQUE INDEX CONCURRENTLY idx ON t (a)":                    "CREATE INDEX idx",
		"begin":            "BEGIN",
		"PRAGMA foo":       "PRAGMA",
		"":                 "",
		"stmt_1":           "",
		"TRUNCATE TABLE t": "TRUNCATE t",
	} {
		if got := Describe(in, Postgres).Summary; got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	for i := 0; i < 4*maxCached; i++ {
		Describe(string(rune('a'+i%26))+string(make([]byte, i)), Standard)
	}
	if len(cache) > maxCached {
		t.Fatalf("cache grew to %d", len(cache))
	}
}

func FuzzSanitize(f *testing.F) {
	f.Add("SELECT 'a\\' $x$ \" `", uint8(0))
	f.Fuzz(func(_ *testing.T, in string, d uint8) {
		describe(in, Dialect(d%4)) // must neither panic nor hang
	})
}
