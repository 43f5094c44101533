// Package dynamodb keeps Driftless's records in one DynamoDB table: it is reconcile.Store,
// and remembers the deliveries of webhooks.
//
// A record is one item whose attributes are the record's own JSON names, beside the keys,
// a schema number and the sparse attributes by which the indexes of Table find it. Every
// write is conditional on the version that was read. A write sets the attributes that this
// version knows and leaves the others, so that an older version running beside a newer one
// destroys nothing. What would not fit into an item lies in the bucket, with its key here.
package dynamodb
