package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
)

const file = "/tmp/notes.db"

// notes is where the requests' notes are kept.
type notes interface {
	add(ctx context.Context, text string) error
	text(ctx context.Context, id string) (string, error)
	check(ctx context.Context) error
}

// asker is what *sql.DB and *sql.Conn have in common.
type asker interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// table keeps notes in a database. file: "" for one that is elsewhere.
type table struct {
	db                   asker
	insert, choose, file string
}

func open(ctx context.Context) (notes, error) {
	driver, source, identity := "sqlite", file, "INTEGER PRIMARY KEY"
	t := &table{insert: "INSERT INTO note (text) VALUES (?)", choose: "SELECT text FROM note WHERE id = ?", file: file}
	if url := os.Getenv("DATABASE_URL"); url != "" {
		driver, source, identity = "pgx", url, "SERIAL PRIMARY KEY"
		t.insert, t.choose, t.file = "INSERT INTO note (text) VALUES ($1)", "SELECT text FROM note WHERE id = $1::int", ""
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS note (id "+identity+", text TEXT NOT NULL)"); err != nil {
		return nil, err
	}
	t.db = db
	return replaced(ctx, t, db)
}

func (t *table) add(ctx context.Context, text string) error {
	_, err := t.db.ExecContext(ctx, t.insert, text)
	return err
}

func (t *table) text(ctx context.Context, id string) (text string, err error) {
	err = t.db.QueryRowContext(ctx, t.choose, id).Scan(&text)
	return text, err
}

// check asks the database; a SQLite file that was removed is still readable by who has it open.
func (t *table) check(ctx context.Context) error {
	if t.file != "" {
		if _, err := os.Stat(t.file); err != nil {
			return errors.New("the database file is gone")
		}
	}
	return t.db.QueryRowContext(ctx, "SELECT 1").Scan(new(int))
}
