package fixture

const limit = 3

var count int

// Kind is a type.
type Kind struct{ field int }

func (*Kind) close() { earliest() }

func (Kind) callback() {}

// Box is a generic type.
type Box[T any] struct{}

func (Box[T]) put(T) {}

type opener interface{ again() }

func open() {}

func called() { unused() }

func unused() {}
