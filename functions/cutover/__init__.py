"""What the functions share: decisions (core, standard library only) and the services they speak to (edge)."""
