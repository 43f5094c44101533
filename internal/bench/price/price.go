// Package price is what AWS asks for: list prices of us-east-1 in dollars, without any free
// tier, as the pricing pages of the services had them on the date in Known. It also has what
// an installation costs in which nothing happens. It imports nothing, so that the CDK app's
// tests and the bench count with the same numbers.
package price

// Known is when the prices were last looked up.
const Known = "2026-11-21"

// Prices of one unit each.
const (
	FIFORequest   = 0.50 / 1e6   // SQS, a request to a FIFO queue, of up to 64 KB
	Invocation    = 0.20 / 1e6   // Lambda
	GBSecond      = 0.0000133334 // Lambda on arm64
	WriteUnit     = 0.625 / 1e6  // DynamoDB on demand, a write of up to 1 KB
	ReadUnit      = 0.125 / 1e6  // DynamoDB on demand, a consistent read of up to 4 KB
	TableGigabyte = 0.25 + 0.20  // DynamoDB, a month of storage and of point-in-time recovery
	PutRequest    = 0.005 / 1e3  // S3
	GetRequest    = 0.0004 / 1e3 // S3
	BlobGigabyte  = 0.023        // S3, a month
	BusEvent      = 1.00 / 1e6   // EventBridge, an event of one's own; those of AWS services are free
	LogGigabyte   = 0.50         // CloudWatch Logs, once
	AlarmMetric   = 0.10         // CloudWatch, a month of one metric of an alarm
	Minutes       = 30 * 24 * 60 // in a month
)

// What the functions of an installation have, in MB.
const (
	ReconcilerMB = 384
	FunctionMB   = 256 // each of the others
)

// Polling is what Lambda costs that polls an SQS queue for a month: five pollers with long
// polls of 20 s are its least (Lambda developer guide, "Configuring scaling behavior for SQS
// event source mappings").
const Polling = 5 * 3 * Minutes * FIFORequest

// Sweep is what a look for unfinished work costs that finds none: 50 ms of 256 MB, four
// queries of half a unit, half a kilobyte of log.
const Sweep = Invocation + 0.05*0.25*GBSecond + 4*0.5*ReadUnit + 0.5e-6*LogGigabyte

// Rest is what an installation costs in a month in which nobody pushes and nothing is
// watched: its queue is polled, its two schedules sweep, its one alarm watches two
// dead-letter queues. What it stores is kilobytes.
const Rest = Polling + (Minutes+Minutes/5)*Sweep + 2*AlarmMetric
