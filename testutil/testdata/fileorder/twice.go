package fixture

func earliest() {}
