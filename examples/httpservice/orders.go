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

// Orders accesses the shop's own table, which is in the same database as the
// tables of the job system.
type Orders struct{ db *bun.DB }

// generatedOrders is the number of orders that Prepare inserts.
const generatedOrders = 2000

// Prepare creates the table and inserts its orders unless they exist. Several
// processes may call it at the same time.
func (o *Orders) Prepare(ctx context.Context) error {
	if _, err := o.db.NewCreateTable().Model((*Order)(nil)).IfNotExists().Exec(ctx); err != nil {
		return fmt.Errorf("create the table of orders: %w", err)
	}
	existing, err := o.db.NewSelect().Model((*Order)(nil)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the orders: %w", err)
	}
	const chunk = 500
	for first := int64(1); existing < generatedOrders && first <= generatedOrders; first += chunk {
		orders := generateOrders(first, chunk)
		if _, err := o.db.NewInsert().Model(&orders).Ignore().Exec(ctx); err != nil {
			return fmt.Errorf("generate orders: %w", err)
		}
	}
	return nil
}

// countries lists the countries of the orders.
var countries = [...]string{"AT", "CH", "DE", "FR", "NL"}

// generateOrders returns n orders, from the id first. The same ids always get the
// same orders.
func generateOrders(first int64, n int) []Order {
	names := [...]string{"Ana", "Ben, jr.", `Cleo "the cat"`, "Dağhan", "Émile", "Fay"}
	start := time.Date(2026, time.January, 1, 8, 0, 0, 0, time.UTC)
	orders := make([]Order, n)
	for i := range orders {
		id := first + int64(i)
		orders[i] = Order{
			ID:         id,
			Customer:   names[id*7%int64(len(names))],
			Country:    countries[id%int64(len(countries))],
			TotalCents: 100 + id*7919%50_000,
			OrderedAt:  start.Add(time.Duration(id) * 97 * time.Minute),
		}
	}
	return orders
}

// Extent is the set of orders to export. It ends at LastID, so that orders which
// are inserted later do not change the export.
type Extent struct {
	Orders int   `json:"orders"`
	LastID int64 `json:"last_id"`
}

// Extent returns the extent of the present orders to a country.
func (o *Orders) Extent(ctx context.Context, country string) (Extent, error) {
	var e Extent
	err := o.db.NewSelect().Model((*Order)(nil)).ColumnExpr("COUNT(*)").ColumnExpr("COALESCE(MAX(o.id), 0)").
		Where("o.country = ?", country).Scan(ctx, &e.Orders, &e.LastID)
	if err != nil {
		return Extent{}, fmt.Errorf("count the orders to %s: %w", country, err)
	}
	return e, nil
}

// Page returns the first n orders to a country whose id is above after and at most
// last.
func (o *Orders) Page(ctx context.Context, country string, after, last, n int64) ([]Order, error) {
	var page []Order
	err := o.db.NewSelect().Model(&page).Where("o.country = ? AND o.id > ? AND o.id <= ?", country, after, last).
		Order("o.id").Limit(n).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the orders to %s after %d: %w", country, after, err)
	}
	return page, nil
}
