package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// step is one migration. Every step can be run again after a crash within it, and its
// models are its own: a later change of a row type must not change history.
type step struct {
	name string
	up   func(ctx context.Context, tx bun.Tx) error
}

func steps() []step {
	return []step{
		{"20261123190000_first_tables", firstTables},
		{"20261125023000_container_options", containerOptions},
		{"20261125024500_image_command", imageCommand},
		{"20261125030000_console_tokens", consoleTokens},
		{"20261125034700_hosts_services_quotas", adminTables},
		{"20261125035500_registries", registryTables},
		{"20261125035600_images", imageTable},
		{"20261125070500_usage_kept", usageKept},
		{"20261125094000_container_status", containerStatus},
	}
}

func (s *Store) migrate(ctx context.Context, steps []step) error {
	unlock, err := lockFile(ctx, s.path)
	if err != nil {
		return err
	}
	defer unlock()
	migrations := migrate.NewMigrations()
	for _, step := range steps {
		migrations.Add(migrate.Migration{Name: step.name, Up: func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
			return m.DB().RunInTx(ctx, nil, step.up)
		}})
	}
	migrator := migrate.NewMigrator(s.write, migrations, migrate.WithMarkAppliedOnSuccess(true))
	if err := migrator.Init(ctx); err != nil {
		return fmt.Errorf("cannot prepare database %s: %w", s.path, err)
	}
	newer, err := migrator.MissingMigrations(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the version of database %s: %w", s.path, err)
	}
	if len(newer) > 0 {
		return fmt.Errorf("cannot use database %s: it was changed by a newer version of this program (%s)", s.path, newer[0].Name)
	}
	if _, err := migrator.Migrate(ctx); err != nil {
		return fmt.Errorf("cannot bring database %s up to date: %w", s.path, err)
	}
	return nil
}

// table makes a table if it is not there, with foreign keys, and its indices.
func table(ctx context.Context, tx bun.Tx, model any, foreignKeys []string, indices ...index) error {
	create := tx.NewCreateTable().Model(model).IfNotExists()
	for _, key := range foreignKeys {
		create = create.ForeignKey(key)
	}
	if _, err := create.Exec(ctx); err != nil {
		return fmt.Errorf("cannot create table of %T: %w", model, err)
	}
	for _, i := range indices {
		query := tx.NewCreateIndex().Model(model).Index(i.name).Column(i.columns...).IfNotExists()
		if i.unique {
			query = query.Unique()
		}
		if _, err := query.Exec(ctx); err != nil {
			return fmt.Errorf("cannot create index %s: %w", i.name, err)
		}
	}
	return nil
}

// containerColumn adds a column to the table of containers, unless it is there. definition is
// its type with its default, of a kind that every database takes.
func containerColumn(ctx context.Context, tx bun.Tx, name, definition string) error {
	const table = "container"
	there, err := tx.NewSelect().TableExpr("pragma_table_info(?)", table).Where("name = ?", name).Exists(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the columns of table %s: %w", table, err)
	}
	if there {
		return nil
	}
	if _, err := tx.NewRaw("ALTER TABLE ? ADD COLUMN ? "+definition, bun.Ident(table), bun.Ident(name)).Exec(ctx); err != nil {
		return fmt.Errorf("cannot add column %s to table %s: %w", name, table, err)
	}
	return nil
}

type index struct {
	name    string
	unique  bool
	columns []string
}

func unique(name string, columns ...string) index { return index{name, true, columns} }
func plain(name string, columns ...string) index  { return index{name, false, columns} }
