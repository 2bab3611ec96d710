package flights

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path"
)

// Resampling configures Bootstrap. The same values give the same result.
type Resampling struct {
	Resamples int
	Seed      uint64
}

// maxBatches is the largest number of batches, each followed by a checkpoint, into
// which Bootstrap divides its work.
const maxBatches = 50

// batch returns the number of resamples between two checkpoints.
func (r Resampling) batch() int { return (r.Resamples + maxBatches - 1) / maxBatches }

// batches returns the number of batches. The last one may be smaller.
func (r Resampling) batches() int { return (r.Resamples + r.batch() - 1) / r.batch() }

// size returns the number of resamples in batch n, from 1.
func (r Resampling) size(n int) int { return min(r.batch(), r.Resamples-(n-1)*r.batch()) }

// Checkpoint is the position of Bootstrap: the number of the last batch in the work
// directory, and a checksum of all batches up to it, each hashed together with the
// checksum before it. The zero Checkpoint is the beginning.
type Checkpoint struct {
	Batch int    `json:"batch"`
	Chain string `json:"chain"`
}

// Ranked is the result of Bootstrap.
type Ranked struct {
	Ranking   File   `json:"ranking"`
	Resamples int    `json:"resamples"`
	Airports  int    `json:"airports"`
	Chain     string `json:"chain"`
}

// Bootstrap ranks the airports by the share of their departures that arrive late.
// It computes a confidence interval for each share and rank by resampling the days
// of the half-year. It reports progress in resamples.
//
// It works in batches, and after each batch calls record with a Checkpoint. A later
// call that gets this Checkpoint as from continues there. If record returns an
// error, Bootstrap returns it. The result does not depend on where it was
// interrupted. If a batch before from is missing in the work directory or was
// changed, Bootstrap starts from the beginning.
func Bootstrap(ctx context.Context, w *WorkDir, in Cleaned, figures Aggregated, resampling Resampling,
	from Checkpoint, record func(Checkpoint) error, report Reporter,
) (Ranked, error) {
	data, err := loadGob[cleaned](w, in.Flights)
	if err != nil {
		return Ranked{}, err
	}
	known, err := loadJSON[Figures](w, figures.Figures)
	if err != nil {
		return Ranked{}, err
	}
	airports := known.ranked(minFlights)
	if resampling.Resamples < 1 {
		return Ranked{}, fmt.Errorf("rank airports: %d resamples: want at least 1", resampling.Resamples)
	}
	if len(airports) == 0 {
		return Ranked{}, fmt.Errorf("rank airports: none has %d flights", minFlights)
	}
	files, err := OpenWorkDir(w.root, path.Join(w.dir, "resamples"))
	if err != nil {
		return Ranked{}, err
	}
	b := &bootstrap{files: files, resampling: resampling, resampler: resamplerFor(data, airports)}
	if err := b.run(ctx, from, record, report); err != nil {
		return Ranked{}, fmt.Errorf("resample flights: %w", err)
	}
	ranking, err := rank(ctx, known.Dated, airports, b.replicates)
	if err != nil {
		return Ranked{}, fmt.Errorf("rank airports: %w", err)
	}
	file, err := saveJSON(w, "ranking.json", ranking)
	if err != nil {
		return Ranked{}, err
	}
	return Ranked{Ranking: file, Resamples: resampling.Resamples, Airports: len(airports), Chain: b.last.Chain}, nil
}

// resamplerFor returns a resampler with a group for each of airports, and one for
// all other airports.
func resamplerFor(data *cleaned, airports []AirportFigures) *resampler {
	group := make(map[string]int, len(airports))
	for g, airport := range airports {
		group[airport.Code] = g
	}
	groupOf := make([]int, len(data.Airports))
	for i, airport := range data.Airports {
		g, ranked := group[airport.Code]
		if !ranked {
			g = len(airports)
		}
		groupOf[i] = g
	}
	return newResampler(&data.Dated, groupOf, len(airports)+1)
}

// bootstrap is the state of one call of Bootstrap.
type bootstrap struct {
	files      *WorkDir
	resampling Resampling
	resampler  *resampler

	last Checkpoint
	// replicates holds the replicates of all resamples, one resample after the other.
	replicates []replicate
}

func (b *bootstrap) run(ctx context.Context, from Checkpoint, record func(Checkpoint) error, report Reporter) error {
	b.restore(from)
	for b.last.Batch < b.resampling.batches() {
		n := b.last.Batch + 1
		batch, err := b.draw(ctx, n, report)
		if err != nil {
			return err
		}
		content := encodeBatch(batch)
		if _, err := b.files.save(batchName(n), content); err != nil {
			return err
		}
		b.add(batch, content)
		if err := record(b.last); err != nil {
			return err
		}
	}
	return nil
}

// restore reads the batches up to a checkpoint. If one of them is missing or was
// changed, it restores none.
func (b *bootstrap) restore(from Checkpoint) {
	for b.last.Batch < from.Batch {
		content, err := b.files.read(batchName(b.last.Batch + 1))
		if err != nil {
			break
		}
		batch, err := decodeBatch(content)
		if err != nil || len(batch) != b.resampling.size(b.last.Batch+1)*b.resampler.replicatesPerResample() {
			break
		}
		b.add(batch, content)
	}
	if b.last != from {
		b.last, b.replicates = Checkpoint{}, nil
	}
}

func (b *bootstrap) add(batch []replicate, content []byte) {
	b.replicates = append(b.replicates, batch...)
	b.last = Checkpoint{Batch: b.last.Batch + 1, Chain: sumOf(append([]byte(b.last.Chain), content...))}
}

// draw computes batch n. Its random numbers depend only on the seed and n.
func (b *bootstrap) draw(ctx context.Context, n int, report Reporter) ([]replicate, error) {
	random := rand.New(rand.NewPCG(b.resampling.Seed, uint64(n))) //nolint:gosec // the same at each run, by intent
	width, size := b.resampler.replicatesPerResample(), b.resampling.size(n)
	batch := make([]replicate, size*width)
	before := (n - 1) * b.resampling.batch()
	for i := range size {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		b.resampler.draw(random, batch[i*width:(i+1)*width])
		report(before+i+1, b.resampling.Resamples)
	}
	return batch, nil
}

func batchName(n int) string { return fmt.Sprintf("%05d.batch", n) }

func encodeBatch(batch []replicate) []byte {
	var out bytes.Buffer
	// Writing to a bytes.Buffer does not fail, and a replicate has a fixed size.
	_ = binary.Write(&out, binary.LittleEndian, batch)
	return out.Bytes()
}

func decodeBatch(content []byte) ([]replicate, error) {
	batch := make([]replicate, len(content)/binary.Size(replicate{}))
	err := binary.Read(bytes.NewReader(content), binary.LittleEndian, batch)
	return batch, err
}
