import * as path from 'path';

import { App, CfnOutput, Environment, Stack, StackProps } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';

class Orders extends Stack {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    this.queue = new Queue(this, 'Queue');
  }
}

class Billing extends Stack {
  constructor(scope: Construct, id: string, queue: Queue, props?: StackProps) {
    super(scope, id, props);
    const prices = new Asset(this, 'Prices', { path: path.join(__dirname, '../prices') });
    new StringParameter(this, 'Orders', { stringValue: queue.queueUrl });
    new CfnOutput(this, 'PricesKey', { value: prices.s3ObjectKey });
    new CfnOutput(this, 'Currency', { value: StringParameter.valueFromLookup(this, '/e2e/currency') });
  }
}

const app = new App();
const env: Environment = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const orders = new Orders(app, 'Orders', { env });
new Billing(app, 'Billing', orders.queue, { env, tags: { team: app.node.tryGetContext('team') ?? 'nobody' } });
