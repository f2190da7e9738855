"""What changes in the records of runs reaches the function that publishes it."""

from __future__ import annotations

import json

from tests.infra.template import Template, arn


def test_the_tables_stream_has_records_as_they_were_and_are(template: Template) -> None:
    table = template.properties(template.only("DynamoDB::Table"))
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_changes_of_runs_reach_their_function_or_a_watched_queue(template: Template) -> None:
    publish = template.function("publish_changes")
    ((id_, it),) = (
        (id_, each["Properties"])
        for id_, each in template.of("Lambda::EventSourceMapping").items()
        if each["Properties"]["FunctionName"] == {"Ref": publish}
    )
    assert it["FunctionName"] == {"Ref": publish}
    stream = {"Fn::GetAtt": [template.only("DynamoDB::Table"), "StreamArn"]}
    assert it["EventSourceArn"] == stream
    assert it["StartingPosition"] == "TRIM_HORIZON", "nothing written between the deployment's steps is lost"
    (pattern,) = (json.loads(each["Pattern"]) for each in it["FilterCriteria"]["Filters"])
    assert pattern == {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "RUN#"}]}}}}
    assert it["BisectBatchOnFunctionError"] is True
    assert (it["MaximumRetryAttempts"], it["MaximumRecordAgeInSeconds"]) == (24, 86_400)
    queue = it["DestinationConfig"]["OnFailure"]["Destination"]
    assert queue in [arn(each) for each in template.of("SQS::Queue")]
    rights = template.rights_of(publish)
    assert ("sqs:SendMessage", json.dumps(queue)) in rights
    assert ("dynamodb:GetRecords", json.dumps(stream)) in rights
    policies = [each for each in template.json["Resources"][id_]["DependsOn"] if each in template.of("IAM::Policy")]
    assert policies, "Lambda refuses a stream that the function may not read"
