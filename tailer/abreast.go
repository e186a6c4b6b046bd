package tailer

import "sync"

// maxAbreast is how many sources are looked at together.
const maxAbreast = 128

// abreast does something with each source, with some of them at a time: those that look for files in one folder share its reading.
func abreast(sources []*Source, do func(*Source)) {
	var busy sync.WaitGroup
	defer busy.Wait()
	free := make(chan struct{}, maxAbreast)
	for _, s := range sources {
		free <- struct{}{}
		busy.Go(func() {
			defer func() { <-free }()
			do(s)
		})
	}
}
