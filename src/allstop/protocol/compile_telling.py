"""What is written down and told, to values: the calendar, updates, audiences, forms, templates."""

from __future__ import annotations

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import (
    Audience,
    Calendar,
    Form,
    FormField,
    Hours,
    Template,
    UpdateRules,
)
from allstop.domain.templates import OCCASIONS
from allstop.protocol.compile_conditions import conditions
from allstop.protocol.document_telling import (
    WEEKDAYS,
    AudienceDocument,
    CalendarDocument,
    FormDocument,
    FormFieldDocument,
    TemplateDocument,
    UpdatesDocument,
)
from allstop.protocol.times import spans


def compile_calendar(written: CalendarDocument) -> Calendar:
    if written.hours is None:
        return Calendar(zone=written.zone, holidays=tuple(written.holidays))
    hours = sorted(
        (WEEKDAYS.index(day), opens, closes)
        for day, ranges in written.hours.items()
        for opens, closes in ranges
    )
    return Calendar(written.zone, tuple(Hours(*each) for each in hours), tuple(written.holidays))


def compile_updates(written: UpdatesDocument) -> UpdateRules:
    return UpdateRules(written.grace, tuple(written.statuses), _fields(written.fields))


def compile_audiences(written: dict[str, AudienceDocument]) -> tuple[Audience, ...]:
    return tuple(
        Audience(
            name=name,
            title=audience.title or name,
            channels=tuple(audience.channels),
            when=conditions(audience.when, IMPACT_FACTS),
            after=spans(audience.after),
        )
        for name, audience in written.items()
    )


def compile_forms(written: dict[str, FormDocument]) -> tuple[Form, ...]:
    return tuple(
        Form(id, form.title or id, _fields(form.fields), tuple(form.tell), form.after)
        for id, form in written.items()
    )


def _fields(written: dict[str, FormFieldDocument]) -> tuple[FormField, ...]:
    return tuple(
        FormField(
            id=id,
            title=field.title or id,
            required=field.required,
            kind=field.kind,
            choices=tuple(field.choices),
            prefill=field.prefill or "",
        )
        for id, field in written.items()
    )


def compile_templates(written: dict[str, TemplateDocument]) -> tuple[Template, ...]:
    found = []
    for key, template in written.items():
        occasion, _, audience = key.partition("@")
        usual = OCCASIONS[occasion]
        subject = usual.subject if template.subject is None else template.subject
        text = usual.text if template.text is None else template.text
        found.append(Template(occasion, subject, text, audience))
    return tuple(found)
