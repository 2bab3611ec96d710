package fixture

func unlisted() { open() }
