"""Items of the run's table, by partition and sort key. What must happen once is a conditional write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key
from botocore.exceptions import ClientError

from cutover.errors import RunNotFound
from cutover.records import whole

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


class Items:
    """What every part of the store does with the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        item = self._find(pk, sk)
        if item is None:
            raise RunNotFound(f"{pk} has no record {sk}")
        return item

    def _find(self, pk: str, sk: str) -> dict[str, Any] | None:
        item = self._table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item")
        return whole(item) if item else None

    def _replace(self, pk: str, sk: str, item: dict[str, Any], seen: int) -> bool:
        """Write the item over its version `seen`, or a new one; False, and nothing written, over another version."""
        try:
            self._table.put_item(
                Item={"pk": pk, "sk": sk, **item},
                ConditionExpression="attribute_not_exists(pk) OR version = :seen",
                ExpressionAttributeValues={":seen": seen},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def _query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        condition: ConditionBase = Key("pk").eq(pk)
        if prefix:  # an empty one is refused
            condition = condition & Key("sk").begins_with(prefix)
        answer = self._table.query(KeyConditionExpression=condition, ConsistentRead=True)
        items = answer["Items"]
        while "LastEvaluatedKey" in answer:
            answer = self._table.query(
                KeyConditionExpression=condition, ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"]
            )
            items += answer["Items"]
        return [whole(item) for item in items]

    def _put_over(self, item: Mapping[str, Any], since: str) -> bool:
        """Write the item over one in the state `since`; False, and nothing written, over any other."""
        try:
            self._table.put_item(
                Item=dict(item),
                ConditionExpression="#state = :since",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":since": since},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def _put_new(self, item: Mapping[str, Any]) -> bool:
        return self._put_if(item, "attribute_not_exists(pk)")

    def _put_if(self, item: Mapping[str, Any], condition: str) -> bool:
        """Write the item if the condition holds; `:f` in it stands for false."""
        values: Any = {"ExpressionAttributeValues": {":f": False}} if ":f" in condition else {}
        try:
            self._table.put_item(Item=dict(item), ConditionExpression=condition, **values)
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


def condition_failed(error: ClientError) -> bool:
    """Whether a conditional write was refused because its condition does not hold."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
