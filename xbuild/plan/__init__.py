"""What will run. Pure: everything that can be refused is refused here, with the reason and the way out."""
