package config

// Suggestion is the hint for a word that is none of those known, in the words of all other hints; "" if none is near.
func Suggestion(word string, known []string) string { return didYouMean(word, known) }
