int mix(int a) { return a * 3; }
