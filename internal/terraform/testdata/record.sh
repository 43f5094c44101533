#!/bin/sh
# Records the plans of this folder: terraform 1.11.4 with hashicorp/aws 5.100.0 against moto 5.2.1.
# It is run by hand, in a directory of its own: sh record.sh OUT
# TF_CLI_CONFIG_FILE may name a mirror of providers.
set -eu
out=$(cd "$1" && pwd)
dir=$(mktemp -d)
trap 'kill "$moto"; rm -rf "$dir"' EXIT
cd "$dir"
moto_server -H 127.0.0.1 -p 5999 >moto.log 2>&1 &
moto=$!
export AWS_ENDPOINT_URL=http://127.0.0.1:5999 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=a AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
sleep 3

# plan NAME [ARGUMENT...] records what is planned; it is not applied.
plan() {
	name=$1
	shift
	terraform plan -input=false -no-color -out=p "$@" >"$name.txt"
	terraform show -json p >"$out/$name.json"
}

cat >main.tf <<'EOF'
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
provider "aws" { region = "eu-west-1" }
variable "password" {
  sensitive = true
  default   = "s3ntinel-password-1"
}
resource "aws_ssm_parameter" "plain" {
  name  = "/app/plain"
  type  = "String"
  value = "one"
  tags  = { Name = "plain" }
}
resource "aws_ssm_parameter" "other" {
  name  = "/app/other"
  type  = "String"
  value = "one"
}
resource "aws_s3_bucket" "files" {
  bucket = "files"
  tags   = { Team = "a" }
}
resource "terraform_data" "nested" {
  input = {
    user      = "app"
    password  = var.password
    passwords = ["first", var.password]
    port      = 5432
  }
}
resource "terraform_data" "leaving" {}
resource "terraform_data" "forgotten" {}
resource "terraform_data" "before" { input = "moved" }
resource "terraform_data" "version" { triggers_replace = ["1", "same"] }
resource "terraform_data" "safe" {
  triggers_replace = "1"
  lifecycle { create_before_destroy = true }
}
data "aws_caller_identity" "me" {}
output "name" { value = aws_ssm_parameter.plain.name }
output "account" { value = data.aws_caller_identity.me.account_id }
output "ports" { value = [5432, 12345678901234567890] }
output "password" {
  value     = var.password
  sensitive = true
}
EOF
terraform init -input=false -no-color >init.txt
plan create
terraform apply -input=false -no-color p >apply.txt
terraform state pull >"$out/state.json"
plan none
aws_py() { python3 -c "import boto3; $1"; }
plan in-sync -refresh-only

cp main.tf kept.tf.txt
sed -i 's/= \[5432, 12345678901234567890\]/= [5433]/' main.tf
plan outputs-only

cp kept.tf.txt main.tf
sed -i -e 's/value = "one"/value = "two"/' -e 's/s3ntinel-password-1/s3ntinel-password-2/' -e 's/port      = 5432/port      = 5433/' \
	-e 's/bucket = "files"/bucket = "documents"/' -e 's/"1", "same"/"2", "same"/' -e 's/triggers_replace = "1"/triggers_replace = "2"/' \
	-e '/"leaving"/d' -e '/"forgotten"/d' -e 's/"terraform_data" "before"/"terraform_data" "after"/' -e '/^output "name"/d' main.tf
cat >>main.tf <<'EOF'
moved {
  from = terraform_data.before
  to   = terraform_data.after
}
removed {
  from = terraform_data.forgotten
  lifecycle { destroy = false }
}
import {
  to = aws_ssm_parameter.found
  id = "/app/found"
}
resource "aws_ssm_parameter" "found" {
  name  = "/app/found"
  type  = "String"
  value = "found"
}
EOF
aws_py "boto3.client('ssm').put_parameter(Name='/app/found', Type='String', Value='found')"
plan change

cp kept.tf.txt main.tf
terraform taint -no-color terraform_data.leaving >taint.txt
plan tainted
terraform untaint -no-color terraform_data.leaving >untaint.txt

aws_py "c = boto3.client('ssm'); c.put_parameter(Name='/app/plain', Type='String', Value='s3ntinel-by-hand', Overwrite=True); c.add_tags_to_resource(ResourceType='Parameter', ResourceId='/app/plain', Tags=[{'Key': 'Name', 'Value': 'by hand'}, {'Key': 'New', 'Value': 'x'}]); c.delete_parameter(Name='/app/other'); s = boto3.client('s3'); s.delete_bucket_tagging(Bucket='files')"
plan drifted -refresh-only
