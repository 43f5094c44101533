package trigger

// Calls returns the names of the calls that are read, by the source of their events.
func Calls() map[string][]string {
	all := map[string][]string{}
	for service, of := range services() {
		for _, c := range of {
			all["aws."+service] = append(all["aws."+service], c.begin...)
		}
	}
	return all
}
