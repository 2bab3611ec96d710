package main

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Order is a row of the shop's own table.
type Order struct {
	bun.BaseModel `bun:"table:shop_orders,alias:o"`

	ID         int64     `bun:"id,pk"`
	Customer   string    `bun:"customer,notnull"`
	Country    string    `bun:"country,notnull,type:varchar(2)"`
	TotalCents int64     `bun:"total_cents,notnull"`
	OrderedAt  time.Time `bun:"ordered_at,notnull"`
}

// Orders is the shop's own data, beside the tables of the job system in the
// same database.
type Orders struct{ db *bun.DB }

// generatedOrders is how many orders the example comes with.
const generatedOrders = 2000

// Prepare makes the table and its orders unless they are there. Several
// processes may call it at once.
func (o *Orders) Prepare(ctx context.Context) error {
	if _, err := o.db.NewCreateTable().Model((*Order)(nil)).IfNotExists().Exec(ctx); err != nil {
		return fmt.Errorf("make the table of orders: %w", err)
	}
	have, err := o.db.NewSelect().Model((*Order)(nil)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the orders: %w", err)
	}
	const chunk = 500
	for first := int64(1); have < generatedOrders && first <= generatedOrders; first += chunk {
		orders := generate(first, chunk)
		if _, err := o.db.NewInsert().Model(&orders).Ignore().Exec(ctx); err != nil {
			return fmt.Errorf("generate orders: %w", err)
		}
	}
	return nil
}

// countries are those that orders go to.
var countries = [...]string{"AT", "CH", "DE", "FR", "NL"}

// generate makes the same orders each time.
func generate(first int64, n int) []Order {
	names := [...]string{"Ana", "Ben, jr.", `Cleo "the cat"`, "Dağhan", "Émile", "Fay"}
	opened := time.Date(2026, time.January, 1, 8, 0, 0, 0, time.UTC)
	orders := make([]Order, n)
	for i := range orders {
		id := first + int64(i)
		orders[i] = Order{
			ID:         id,
			Customer:   names[id*7%int64(len(names))],
			Country:    countries[id%int64(len(countries))],
			TotalCents: 100 + id*7919%50_000,
			OrderedAt:  opened.Add(time.Duration(id) * 97 * time.Minute),
		}
	}
	return orders
}

// Extent is what there is to export: the orders up to LastID, so that those
// which come in meanwhile do not change it.
type Extent struct {
	Orders int   `json:"orders"`
	LastID int64 `json:"last_id"`
}

// Extent returns how many orders go to a country now.
func (o *Orders) Extent(ctx context.Context, country string) (Extent, error) {
	var e Extent
	err := o.db.NewSelect().Model((*Order)(nil)).ColumnExpr("COUNT(*)").ColumnExpr("COALESCE(MAX(o.id), 0)").
		Where("o.country = ?", country).Scan(ctx, &e.Orders, &e.LastID)
	if err != nil {
		return Extent{}, fmt.Errorf("count the orders to %s: %w", country, err)
	}
	return e, nil
}

// Page returns the first n orders to a country after one id and up to another.
func (o *Orders) Page(ctx context.Context, country string, after, last, n int64) ([]Order, error) {
	var page []Order
	err := o.db.NewSelect().Model(&page).Where("o.country = ? AND o.id > ? AND o.id <= ?", country, after, last).
		Order("o.id").Limit(n).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the orders to %s after %d: %w", country, after, err)
	}
	return page, nil
}
