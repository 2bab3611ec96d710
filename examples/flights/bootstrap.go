package flights

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path"
)

// Resampling is how Bootstrap works. The same one gives the same result.
type Resampling struct {
	Resamples int
	Seed      uint64
}

// checkpoints is how many batches, and so checkpoints, Bootstrap makes of its
// work: one for every fiftieth.
const checkpoints = 50

// batch is how many resamples are made from one checkpoint to the next.
func (r Resampling) batch() int { return (r.Resamples + checkpoints - 1) / checkpoints }

// batches is the number of batches; the last one may be shorter.
func (r Resampling) batches() int { return (r.Resamples + r.batch() - 1) / r.batch() }

// size is how many resamples batch n has, counted from 1.
func (r Resampling) size(n int) int { return min(r.batch(), r.Resamples-(n-1)*r.batch()) }

// Mark is where Bootstrap is: the last batch that is in the work directory, and
// the checksum of all batches up to it, each hashed with the one before. The
// zero Mark is the beginning.
type Mark struct {
	Batch int    `json:"batch"`
	Chain string `json:"chain"`
}

// Ranked is what Bootstrap has computed.
type Ranked struct {
	Ranking   File   `json:"ranking"`
	Resamples int    `json:"resamples"`
	Airports  int    `json:"airports"`
	Chain     string `json:"chain"`
}

// Bootstrap ranks the airports by how many of their departures arrive late, and
// finds how far chance could have moved each of them, by drawing the half-year
// anew from its own days. It reports resamples.
//
// It works in batches, and calls checkpoint after each with a Mark from which a
// later call goes on; an error of checkpoint ends it. The result is the same
// wherever it was interrupted. If the batches that from stands for are not in
// the work directory, or not as they were, it begins again: all that is lost is
// time.
func Bootstrap(ctx context.Context, w *Work, in Cleaned, figures Aggregated, how Resampling,
	from Mark, checkpoint func(Mark) error, report Reporter,
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
	if how.Resamples < 1 {
		return Ranked{}, fmt.Errorf("rank airports: %d resamples; give at least 1", how.Resamples)
	}
	if len(airports) == 0 {
		return Ranked{}, fmt.Errorf("rank airports: none has %d flights", minFlights)
	}
	files, err := OpenWork(w.root, path.Join(w.dir, "resamples"))
	if err != nil {
		return Ranked{}, err
	}
	b := &bootstrap{files: files, how: how, resampler: resamplerFor(data, airports)}
	if err := b.run(ctx, from, checkpoint, report); err != nil {
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
	return Ranked{Ranking: file, Resamples: how.Resamples, Airports: len(airports), Chain: b.mark.Chain}, nil
}

// resamplerFor makes a group of each of the given airports, and one of the rest.
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

// bootstrap is a run of Bootstrap.
type bootstrap struct {
	files     *Work
	how       Resampling
	resampler *resampler

	mark Mark
	// replicates holds those of one resample after those of another.
	replicates []replicate
}

func (b *bootstrap) run(ctx context.Context, from Mark, checkpoint func(Mark) error, report Reporter) error {
	b.restore(from)
	for b.mark.Batch < b.how.batches() {
		n := b.mark.Batch + 1
		batch, err := b.draw(ctx, n, report)
		if err != nil {
			return err
		}
		content := pack(batch)
		if _, err := b.files.save(batchName(n), content); err != nil {
			return err
		}
		b.add(batch, content)
		if err := checkpoint(b.mark); err != nil {
			return err
		}
	}
	return nil
}

// restore reads the batches up to a mark, or none if one of them is not right.
func (b *bootstrap) restore(mark Mark) {
	for b.mark.Batch < mark.Batch {
		content, err := b.files.read(batchName(b.mark.Batch + 1))
		if err != nil {
			break
		}
		batch, err := unpack(content)
		if err != nil || len(batch) != b.how.size(b.mark.Batch+1)*b.resampler.width() {
			break
		}
		b.add(batch, content)
	}
	if b.mark != mark {
		b.mark, b.replicates = Mark{}, nil
	}
}

func (b *bootstrap) add(batch []replicate, content []byte) {
	b.replicates = append(b.replicates, batch...)
	b.mark = Mark{Batch: b.mark.Batch + 1, Chain: sumOf(append([]byte(b.mark.Chain), content...))}
}

// draw makes batch n. Its random numbers depend on nothing but the seed and n.
func (b *bootstrap) draw(ctx context.Context, n int, report Reporter) ([]replicate, error) {
	random := rand.New(rand.NewPCG(b.how.Seed, uint64(n))) //nolint:gosec // the same at each run, by intent
	width, size := b.resampler.width(), b.how.size(n)
	batch := make([]replicate, size*width)
	before := (n - 1) * b.how.batch()
	for i := range size {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		b.resampler.draw(random, batch[i*width:(i+1)*width])
		report(before+i+1, b.how.Resamples)
	}
	return batch, nil
}

func batchName(n int) string { return fmt.Sprintf("%05d.batch", n) }

func pack(batch []replicate) []byte {
	var out bytes.Buffer
	// A bytes.Buffer takes everything, and a replicate has a fixed size.
	_ = binary.Write(&out, binary.LittleEndian, batch)
	return out.Bytes()
}

func unpack(content []byte) ([]replicate, error) {
	batch := make([]replicate, len(content)/binary.Size(replicate{}))
	err := binary.Read(bytes.NewReader(content), binary.LittleEndian, batch)
	return batch, err
}
