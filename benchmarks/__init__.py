"""What to run: data, the asv suites and the backend bench. asv takes this folder as its benchmark package."""
