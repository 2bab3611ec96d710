package fixture

import "fmt"

var _ = fmt.Sprint

type early struct {
	kind *Kind
	of   interface{ local() }
	size [limit]int
}

func (e *early) all(b Box[int], o opener) {
	count++
	open()
	e.kind.close()
	b.put(1)
	o.again()
	open()

	e.kind.field++
	e.of.local()
	called()
	e.kind.callback()
	earliest()
}
