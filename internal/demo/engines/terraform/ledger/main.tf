terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {}

variable "retention" {
  type    = number
  default = 3600
}

resource "aws_sqs_queue" "entries" {
  name                      = "prod-ledger"
  message_retention_seconds = var.retention
}

output "queue" {
  value = aws_sqs_queue.entries.url
}
