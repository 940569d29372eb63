package health

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// errFile is in every error about a database's file: another connection would
// not find it either.
var errFile = errors.New("database file")

// checkKnownFile looks for the main file before a connection is taken: SQLite
// makes a missing one anew, empty, and all would seem well.
func (d *database) checkKnownFile() error {
	if d.file == "" {
		return nil
	}
	if _, err := os.Stat(d.file); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w %s is gone", errFile, d.file)
	}
	return nil
}

// checkFile reads the schema, which a ping does not, and asks for the main
// file: a process that has it open goes on reading and writing after it was
// removed, or replaced by a restored backup, and all that it writes is lost.
func (d *database) checkFile(ctx context.Context, conn *sql.Conn) error {
	var tables int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	file, err := mainFile(ctx, conn)
	if err != nil { // not SQLite itself, but a database that speaks its dialect
		return nil
	}
	if d.inMemory = file == ""; d.inMemory {
		return nil
	}
	there, err := os.Stat(file)
	switch {
	case isHeldDeleted(file), err == nil && d.file == file && !isHeld(there):
		return fmt.Errorf("%w %s was removed or replaced while it is in use", errFile, file)
	case err == nil && isHeld(there):
		d.file = file
	case errors.Is(err, os.ErrNotExist) && !tellsHeld:
		return fmt.Errorf("%w %s is gone", errFile, file)
	}
	// What was never held as a file is of another VFS: memdb, one over a network.
	return nil
}

func mainFile(ctx context.Context, conn *sql.Conn) (string, error) {
	rows, err := conn.QueryContext(ctx, "PRAGMA database_list")
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var number int
		var name string
		var file sql.NullString
		if err := rows.Scan(&number, &name, &file); err != nil {
			return "", err
		}
		if name == "main" {
			return file.String, nil
		}
	}
	return "", rows.Err()
}
